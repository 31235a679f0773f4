// The form parser of Go's standard library: reads cases from standard input, one JSON
// object a line ({type, body}, the body in base64), and writes one line for each: the
// parts, or null for a refusal. With an argument it writes a form of its own.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
)

type given struct {
	Type string
	Body []byte
}

type part struct {
	Name, Filename string
	Header         map[string][]string
	Data           []byte
}

func read(one given) []part {
	_, parameters, err := mime.ParseMediaType(one.Type)
	if err != nil {
		return nil
	}
	found := []part{}
	form := multipart.NewReader(bytes.NewReader(one.Body), parameters["boundary"])
	for {
		next, err := form.NextPart()
		if err == io.EOF {
			return found
		}
		if err != nil {
			return nil
		}
		data, err := io.ReadAll(next)
		if err != nil {
			return nil
		}
		header := map[string][]string{"Content-Type": next.Header["Content-Type"]}
		found = append(found, part{next.FormName(), next.FileName(), header, data})
	}
}

func write(path string) {
	photo, _ := os.ReadFile(path)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"title", "Een meer & bomen"}, {"tags[]", "a"},
		{"tags[]", "b"}, {"naïve \"x\"", "é漢\r\n--"}, {"empty", ""}} {
		_ = form.WriteField(field[0], field[1])
	}
	file, _ := form.CreateFormFile("photo", "lake näïve \"q\".jpg")
	_, _ = file.Write(photo)
	_ = form.Close()
	_ = json.NewEncoder(os.Stdout).Encode(given{form.FormDataContentType(), body.Bytes()})
}

func main() {
	if len(os.Args) > 1 {
		write(os.Args[1])
		return
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		var one given
		if json.Unmarshal(line, &one) != nil {
			os.Exit(1)
		}
		answer, _ := json.Marshal(map[string]any{"go": read(one)})
		fmt.Println(string(answer))
	}
}
