// tus-js-client: node client.mjs ENDPOINT FILE OPTIONS. Writes one line of JSON: what
// became of the upload, and the requests that it took.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const tus = await import(require.resolve("tus-js-client"));

const [endpoint, file, options] = process.argv.slice(2);
const requests = [];
const upload = new tus.Upload(readFileSync(file), {
  endpoint,
  retryDelays: [0, 100, 200],
  metadata: { filename: "holiday.jpg", filetype: "image/jpeg" },
  onAfterResponse: (request, response) =>
    requests.push(`${request.getMethod()} ${response.getStatus()}`),
  onError: (error) => {
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
    console.log(JSON.stringify({ error: String(error), status, requests }));
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, requests })),
  ...JSON.parse(options),
});
upload.start();
