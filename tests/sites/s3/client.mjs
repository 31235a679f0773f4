// The AWS SDK for JavaScript with its defaults: node client.mjs, and one object of JSON on
// standard input: {"url", "key", "secret", "bucket", "prefix", "folder", "files"}. Sends
// each file, small ones in one request and others by lib-storage in parts. Writes a list:
// the name of each file, and the error and status if it was not taken.
import { createRequire } from "node:module";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(process.env.NODE_PACKAGES + "/");
const { S3Client, PutObjectCommand } = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");

const asked = JSON.parse(readFileSync(0, "utf-8"));
const client = new S3Client({
  endpoint: asked.url,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: asked.key, secretAccessKey: asked.secret },
});
const LARGE = 5 * 1024 * 1024;
const told = [];
for (const file of asked.files) {
  const path = join(asked.folder, file);
  const params = {
    Bucket: asked.bucket,
    Key: asked.prefix + file,
    Body: createReadStream(path),
    Metadata: { colour: "red" },
  };
  if (file.endsWith(".jpg")) params.ContentType = "image/jpeg";
  try {
    const size = statSync(path).size;
    if (size >= LARGE) await new Upload({ client, params }).done();
    else if (file.endsWith(".txt")) {
      // A stream goes in aws-chunked framing, whether TLS is there or not.
      await client.send(new PutObjectCommand({ ...params, ContentLength: size }));
    } else {
      const Body = readFileSync(path);
      await client.send(new PutObjectCommand({ ...params, Body }));
    }
    told.push({ file });
  } catch (error) {
    const status = error.$metadata?.httpStatusCode ?? 0;
    told.push({ file, status, error: error.name, text: String(error.message) });
  }
}
console.log(JSON.stringify(told));
