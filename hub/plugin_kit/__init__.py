"""The kit's commands: `overwatch plugins new · list · check · try · capture · doctor`."""
