// The API reference. It loads nothing from other servers, and its playground sends requests to this server only.

const place = document.getElementById("reference");
Scalar.createApiReference(place, {
  url: "/api/v1/openapi.components.json",
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  authentication: {
    preferredSecurityScheme: "APIKeyHeader",
    securitySchemes: { APIKeyHeader: { name: "X-Api-Key", in: "header", value: place.dataset.key } },
  },
});
