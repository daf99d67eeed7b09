// The offline page opens what was wanted when the connection is back.
addEventListener("online", () => location.reload());
