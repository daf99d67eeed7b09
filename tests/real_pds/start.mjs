// A real PDS and a real directory of DIDs, both on loopback, for the tests of this folder.
// Usage: node start.mjs DATA_DIR PDS_PORT PLC_PORT
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";
import { PDS } from "@atproto/pds";

const [folder, pdsPort, plcPort] = process.argv.slice(2);
const directory = createRequire(import.meta.url)("@did-plc/server");

const plc = directory.PlcServer.create({ db: directory.Database.mock(), port: Number(plcPort) });
await plc.start();

const pds = await PDS.fromEnv({
  devMode: true, // allows http and a host without a domain
  hostname: "localhost",
  port: Number(pdsPort),
  serviceDid: `did:web:localhost%3A${pdsPort}`,
  dataDirectory: folder,
  blobstoreDiskLocation: path.join(folder, "blobs"),
  blobUploadLimit: 5_000_000,
  jwtSecret: randomBytes(16).toString("hex"),
  adminPassword: randomBytes(16).toString("hex"),
  didPlcUrl: `http://localhost:${plcPort}`,
  plcRotationKeyK256PrivateKeyHex: randomBytes(32).toString("hex"),
  serviceHandleDomains: [".test"],
  inviteRequired: false,
  disableSsrfProtection: true,
  rateLimitsEnabled: false,
  bskyAppViewUrl: "https://appview.invalid",
  bskyAppViewDid: "did:web:appview.invalid",
});
await pds.start();
console.log("ready");

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await pds.destroy();
    await plc.destroy();
    process.exit(0);
  });
}
