// validatorUrl: no badge that sends the document's address to a server elsewhere
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "none", validatorUrl: null });
