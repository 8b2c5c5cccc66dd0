"""The stream: changes of one organization's incidents and alerts, told as they happen, resumable, on few threads."""
