# The form parser of Rack (Rails, Sinatra): reads cases from standard input, one JSON
# object a line ({type, body}, the body in base64), and writes one line for each: the
# parameters, or null for a refusal.
require "base64"
require "json"
require "rack"
require "rack/multipart"
require "stringio"

def told(value)
  case value
  when Hash
    if value.key?(:tempfile)
      data = Base64.strict_encode64(value[:tempfile].read)
      return [value[:name], value[:filename], value[:type], data].map { |text| told(text) }
    end
    value.map { |name, inner| [told(name), told(inner)] }
  when Array then value.map { |inner| told(inner) }
  when String then value.b.unpack1("H*")
  else value
  end
end

STDIN.each_line do |line|
  given = JSON.parse(line)
  body = Base64.decode64(given["body"])
  environment = {
    "CONTENT_TYPE" => given["type"], "CONTENT_LENGTH" => body.bytesize.to_s,
    "rack.input" => StringIO.new(body)
  }
  found = begin
    told(Rack::Multipart.parse_multipart(environment))
  rescue StandardError
    nil
  end
  puts JSON.generate({ "rack" => found })
end
