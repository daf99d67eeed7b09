// The API reference. Nothing of it is fetched from elsewhere, and what is tried out is sent from here to here.

const place = document.getElementById("reference");
Scalar.createApiReference(place, {
  url: "/api/v1/openapi.json",
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
