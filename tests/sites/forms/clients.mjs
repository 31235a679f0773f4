// Clients of Node, and a browser's FormData: each posts a form with a file to URL/<its
// name>. Arguments: URL, file. Writes {client: status}. Packages: package.json.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const axios = require("axios");
const FormDataOfOld = require("form-data");
const needle = require("needle");
const superagent = require("superagent");
const { default: got } = await import(require.resolve("got"));
const { default: nodeFetch } = await import(require.resolve("node-fetch"));
const { FormData: FormDataNode } = await import(require.resolve("formdata-node"));

const [url, path] = process.argv.slice(2);
const photo = readFileSync(path);
const FIELDS = [
  ["title", "Een meer & bomen"],
  ["tags[]", "a"],
  ["tags[]", "b"],
  ['naïve "x"', "é漢\r\n--"],
  ["empty", ""],
];
const NAME = 'lake näïve "q".jpg';

function filled(form) {
  for (const [name, value] of FIELDS) form.append(name, value);
  form.append("photo", new File([photo], NAME, { type: "image/jpeg" }));
  form.append("blob", new Blob([Uint8Array.from({ length: 99 }, (_, at) => at)]));
  return form;
}

function filledOfOld() {
  const form = new FormDataOfOld();
  for (const [name, value] of FIELDS) form.append(name, value);
  form.append("photo", photo, { filename: NAME, contentType: "image/jpeg" });
  form.append("path", photo, { filepath: "a/b/lake.jpg", header: { "X-More": "y" } });
  return form;
}

const any = { validateStatus: () => true };
const CLIENTS = {
  "node-fetch-builtin": async (to) =>
    (await fetch(to, { method: "POST", body: filled(new FormData()) })).status,
  "axios-formdata": async (to) => (await axios.post(to, filled(new FormData()), any)).status,
  "axios-form-data": async (to) => (await axios.post(to, filledOfOld(), any)).status,
  "axios-postform": async (to) =>
    (await axios.postForm(to, { title: "x", "tags[]": ["a", "b"], photo }, any)).status,
  got: async (to) =>
    (await got.post(to, { body: filled(new FormData()), throwHttpErrors: false })).statusCode,
  "got-form-data": async (to) =>
    (await got.post(to, { body: filledOfOld(), throwHttpErrors: false })).statusCode,
  "node-fetch": async (to) =>
    (await nodeFetch(to, { method: "POST", body: filled(new FormDataNode()) })).status,
  superagent: async (to) => {
    const request = superagent.post(to).ok(() => true);
    for (const [name, value] of FIELDS) request.field(name, value);
    return (await request.attach("photo", photo, NAME)).status;
  },
  needle: async (to) => {
    const file = { buffer: photo, filename: NAME, content_type: "image/jpeg" };
    const form = { title: "x", photo: file };
    return (await needle("post", to, form, { multipart: true })).statusCode;
  },
};

const told = {};
for (const [name, send] of Object.entries(CLIENTS)) {
  told[name] = await send(`${url}/${name}`).catch((error) => String(error));
}
process.stdout.write(JSON.stringify(told));
