// The form parsers of Node: reads cases from standard input, one JSON object a line
// ({type, body}, the body in base64), and writes one line for each: what every parser
// gives a site's code, or null for a refusal. Packages: package.json beside this file.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const busboy = require("busboy");
const fastify = require("@fastify/busboy");
const multer = require("multer");
const multiparty = require("multiparty");
const { formidable } = await import(require.resolve("formidable"));

const WAIT_MS = 2000; // A parser that waits for more has refused.

function requestOf({ type, body }) {
  const bytes = Buffer.from(body, "base64");
  const request = Readable.from(bytes.length ? [bytes] : [], { objectMode: false });
  request.headers = { "content-type": type, "content-length": String(bytes.length) };
  request.method = "POST";
  return request;
}

function collect(stream, done) {
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => done(Buffer.concat(chunks).toString("base64")));
  stream.on("error", () => done("error"));
}

function withBusboy(make) {
  return (request) =>
    new Promise((resolve, reject) => {
      const found = [];
      let left = 1;
      const one = () => --left || resolve(found);
      const parser = make(request.headers);
      parser.on("field", (name, value, ...info) => found.push(["field", name, value, info]));
      parser.on("file", (name, stream, ...info) => {
        left++;
        const item = ["file", name, info];
        found.push(item);
        collect(stream, (data) => (item.push(data), one()));
      });
      parser.on("error", reject);
      parser.on("close", one);
      parser.on("finish", () => make === oldBusboy && one());
      request.pipe(parser);
    });
}

const newBusboy = (headers) => busboy({ headers });
const oldBusboy = (headers) => fastify({ headers });

function withMulter(request) {
  return new Promise((resolve, reject) =>
    multer({ storage: multer.memoryStorage() }).any()(request, {}, (error) => {
      if (error) return reject(error);
      const files = (request.files || []).map((file) => [
        ...[file.fieldname, file.originalname, file.encoding, file.mimetype],
        file.buffer.toString("base64"),
      ]);
      resolve([request.body || null, files]);
    }),
  );
}

async function withFormidable(request) {
  const held = new Map();
  const form = formidable({
    ...{ allowEmptyFiles: true, minFileSize: 0, multiples: true, maxFields: 20000 },
    fileWriteStreamHandler: (file) => {
      const chunks = [];
      held.set(file, chunks);
      return new Writable({
        write(chunk, _, done) {
          chunks.push(chunk);
          done();
        },
      });
    },
  });
  const [fields, files] = await form.parse(request);
  const told = Object.entries(files).map(([name, each]) => [
    name,
    each.map((file) => [
      ...[file.originalFilename, file.mimetype],
      Buffer.concat(held.get(file) || [...held.values()].shift() || []).toString("base64"),
    ]),
  ]);
  return [fields, told];
}

function withMultiparty(request) {
  return new Promise((resolve, reject) => {
    const found = [];
    let left = 1;
    const one = () => --left || resolve(found);
    const form = new multiparty.Form();
    form.on("part", (part) => {
      left++;
      const item = [part.name, part.filename, part.headers["content-type"]];
      found.push(item);
      collect(part, (data) => (item.push(data), one()));
    });
    form.on("error", reject);
    form.on("close", one);
    form.parse(request);
  });
}

const READERS = {
  busboy: withBusboy(newBusboy),
  "fastify-busboy": withBusboy(oldBusboy),
  multer: withMulter,
  formidable: withFormidable,
  multiparty: withMultiparty,
};

async function read(parse, given) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(null), WAIT_MS);
  });
  try {
    return await Promise.race([parse(requestOf(given)), late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

process.on("uncaughtException", () => {}); // Some parsers throw where nobody catches.

const lines = [];
const answers = [];
for await (const line of createInterface({ input: process.stdin })) lines.push(line);
for (const line of lines) {
  const given = JSON.parse(line);
  const names = Object.keys(READERS);
  const readings = await Promise.all(names.map((name) => read(READERS[name], given)));
  const answer = Object.fromEntries(names.map((name, at) => [name, readings[at]]));
  answers.push(JSON.stringify(answer) + "\n");
}
process.stdout.write(answers.join(""), () => process.exit(0));
