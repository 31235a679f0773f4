// The WebDAV client of npm: node webdav.mjs URL PATH START FILE. Writes one line of JSON:
// whether the bytes of FILE were put at START of a file, or the status of the refusal.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const { createClient } = await import(pathToFileURL(require.resolve("webdav")));

const [url, path, start, file] = process.argv.slice(2);
const data = readFileSync(file);
const end = Number(start) + data.length - 1;
try {
  await createClient(url).partialUpdateFileContents(path, Number(start), end, data);
  console.log(JSON.stringify({ done: true }));
} catch (error) {
  console.log(JSON.stringify({ status: error.status ?? String(error) }));
}
