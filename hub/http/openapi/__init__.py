"""The OpenAPI 3.1 document, made from the routes themselves, and the two pages that show it."""
