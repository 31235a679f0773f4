// Answer requests of every kind, on Go's net/http: answering PORT.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

var statuses = map[string]int{"/204": 204, "/304": 304, "/404": 404, "/500": 500}

func answer(answering http.ResponseWriter, asked *http.Request) {
	path := asked.URL.Path
	if path == "/refuse" {
		answering.WriteHeader(403)
		io.WriteString(answering, "no")
		return
	}
	io.Copy(io.Discard, asked.Body)
	if path == "/pieces" {
		io.WriteString(answering, strings.Repeat("a", 100))
		answering.(http.Flusher).Flush()
		io.WriteString(answering, strings.Repeat("b", 5000))
		return
	}
	status, isKnown := statuses[path]
	if !isKnown {
		status = 200
		if asked.Method == "PUT" {
			status = 201
		}
	}
	answering.WriteHeader(status)
	if status != 204 && status != 304 {
		io.WriteString(answering, strings.Repeat("x", 500))
	}
}

func main() {
	http.HandleFunc("/", answer)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
