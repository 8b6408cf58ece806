// Shows the OpenAPI document in `#swagger-ui`.

window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  // The document is not sent to a validator on another host.
  validatorUrl: null,
});
