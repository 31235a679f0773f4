// Answer requests of every kind, on Node: answering.mjs PORT.
import http from "node:http";

const STATUSES = { "/204": 204, "/304": 304, "/404": 404, "/500": 500 };

function answer(asked, answering) {
  const path = asked.url.split("?")[0];
  if (path === "/refuse") {
    answering.writeHead(403, { "Content-Length": 2 });
    answering.end("no");
    return;
  }
  asked.resume();
  asked.on("end", () => {
    if (path === "/pieces") {
      answering.write("a".repeat(100));
      answering.end("b".repeat(5000));
      return;
    }
    const body = "x".repeat(path === "/204" || path === "/304" ? 0 : 500);
    const usual = asked.method === "PUT" ? 201 : 200;
    answering.writeHead(STATUSES[path] ?? usual);
    answering.end(asked.method === "HEAD" ? "" : body);
  });
}

http.createServer(answer).listen(Number(process.argv[2]), "127.0.0.1");
