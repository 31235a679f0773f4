// A server of tus: node server.mjs FOLDER PORT. Packages: ../forms/package.json.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const { Server } = await import(require.resolve("@tus/server"));
const { FileStore } = await import(require.resolve("@tus/file-store"));

const [folder, port] = process.argv.slice(2);
const server = new Server({
  path: "/files",
  datastore: new FileStore({ directory: folder }),
  respectForwardedHeaders: true,
});
server.listen({ host: "127.0.0.1", port: Number(port) });
