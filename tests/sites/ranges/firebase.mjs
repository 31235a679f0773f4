// The Firebase SDK: node firebase.mjs PORT FILE. Writes one line of JSON: the size of the
// file that is there, or the error; and the requests that the upload took.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { initializeApp } = await load("@firebase/app");
const storage = await load("@firebase/storage");

const [port, file] = process.argv.slice(2);
const requests = [];
const send = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const answer = await send(url, options);
  const command = options.headers["X-Goog-Upload-Command"] ?? "";
  requests.push(`${options.method} ${command} ${answer.status}`);
  return answer;
};
const app = initializeApp({ storageBucket: "photos" });
const bucket = storage.getStorage(app);
storage.connectStorageEmulator(bucket, "127.0.0.1", Number(port));
const place = storage.ref(bucket, "holiday.png");
const task = storage.uploadBytesResumable(place, readFileSync(file));
try {
  const told = await task;
  console.log(JSON.stringify({ size: told.metadata.size, requests }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, status: error.status, requests }));
}
process.exit(0);
