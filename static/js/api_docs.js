// Shows the description of the HTTP API with Swagger UI, which the page has loaded before.

const place = document.querySelector(".api-docs");

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  // Calls are made with the token that was pasted, so that nobody changes data by a mere session.
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
});
