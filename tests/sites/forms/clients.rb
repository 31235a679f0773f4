# Clients of Ruby: each posts a form with a file to URL/<its name>. Arguments: URL, file.
# Writes {client: status}.
require "httparty"
require "json"
require "net/http"
require "rest-client"

url, path = ARGV
fields = [["title", "Een meer & bomen"], ["tags[]", "a"], ["tags[]", "b"], ["naïve \"x\"", "é漢\r\n--"], ["empty", ""]]

clients = {
  "net-http" => lambda { |to|
    request = Net::HTTP::Post.new(to)
    file = ["photo", File.open(path, "rb"), { filename: "lake näïve \"q\".jpg", content_type: "image/jpeg" }]
    request.set_form([*fields, file], "multipart/form-data")
    Net::HTTP.start(to.host, to.port) { |http| http.request(request) }.code.to_i
  },
  "rest-client" => lambda { |to|
    form = { "title" => "Een meer", "tags" => %w[a b], "naïve" => "é漢", "photo" => File.new(path, "rb") }
    begin
      RestClient.post(to.to_s, form).code
    rescue RestClient::ExceptionWithResponse => e
      e.http_code
    end
  },
  "httparty" => lambda { |to|
    # It cannot join text outside ASCII with bytes.
    body = { title: "Een meer", tags: %w[a b], empty: "", photo: File.open(path, "rb") }
    HTTParty.post(to.to_s, multipart: true, body: body).code
  }
}

puts JSON.generate(clients.to_h { |name, send| [name, send.call(URI("#{url}/#{name}"))] })
