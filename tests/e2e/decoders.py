"""Programs that sites are made of, as decoders of files that are sent to them.

Each is started once and decodes one line of hexadecimal digits after another, so that
thousands of texts cost no more than one.
"""

import subprocess
from collections.abc import Sequence

_PHP = r"""
while (($line = fgets(STDIN)) !== false)
    echo bin2hex(base64_decode(hex2bin(trim($line)))), "\n";
"""

_WORDPRESS = r"""
function apply_filters($name, $value) { return $value; }
foreach (['date', 'message'] as $each)
    require "/usr/share/wordpress/wp-includes/IXR/class-IXR-$each.php";
while (($line = fgets(STDIN)) !== false) {
    $message = new IXR_Message(hex2bin(trim($line)));
    $value = $message->parse() ? $message->params[0] : '';
    echo bin2hex($value), "\n";
}
"""

_XML = r"""
while (($line = fgets(STDIN)) !== false) {
    $found = simplexml_load_string(hex2bin(trim($line)))->xpath('//base64');
    echo bin2hex(base64_decode((string) $found[0])), "\n";
}
"""

_NODE = r"""
const lines = require('fs').readFileSync(0, 'latin1').trim().split('\n');
for (const line of lines) {
    const text = Buffer.from(line, 'hex');
    let data = Buffer.alloc(0);
    try {
        data = DECODE;
    } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
    }
    console.log(data.toString('hex'));
}
"""

_NODE_BASE64 = "Buffer.from(text.toString('latin1'), 'base64')"
_NODE_BUFFER = "Buffer.from(JSON.parse(text))"
_NODE_LATIN = "Buffer.from(JSON.parse(text), 'latin1')"
_NODE_LINES = "Buffer.from(JSON.parse(text).data['image/png'].join(''), 'base64')"
_NODE_STRING = "Buffer.from(JSON.parse(text), 'base64')"
_NODE_INFLATE = "require('zlib').inflateSync(Buffer.from(JSON.parse(text), 'base64'))"
_NODE_RAW = "require('zlib').inflateRawSync(Buffer.from(JSON.parse(text), 'base64'))"
_NODE_PROGRAM = (
    "Buffer.from(require('vm').runInNewContext(text.toString() + '; a'), 'base64')"
)
_NODE_HEX = "Buffer.from(text.toString('latin1'), 'hex')"


def _php(program: str) -> tuple[str, ...]:
    return ("php", "-d", "display_errors=0", "-r", program)


def _node(decode: str) -> tuple[str, ...]:
    return ("node", "-e", _NODE.replace("DECODE", decode))


COMMANDS: dict[str, tuple[str, ...]] = {
    "PHP": _php(_PHP),
    "WordPress": _php(_WORDPRESS),
    "PHP XML": _php(_XML),
    "PHP uuencode": _php(_PHP.replace("base64_decode", "convert_uudecode")),
    "PHP quoted-printable": _php(
        _PHP.replace("base64_decode", "quoted_printable_decode")
    ),
    "PHP hexadecimal": _php(_PHP.replace("base64_decode", "hex2bin")),
    "Node": _node(_NODE_BASE64),
    "Node hexadecimal": _node(_NODE_HEX),
    "Node Buffer": _node(_NODE_BUFFER),
    "Node Latin-1": _node(_NODE_LATIN),
    "Node notebook": _node(_NODE_LINES),
    "Node base64 in JSON": _node(_NODE_STRING),
    "Node zlib in JSON": _node(_NODE_INFLATE),
    "Node deflate in JSON": _node(_NODE_RAW),
    "Node program": _node(_NODE_PROGRAM),
}
"""Programs by the decoder that they are."""


def decoded_by(name: str, texts: Sequence[bytes]) -> list[bytes]:
    """Return what a program makes of each of some texts; nothing if it refuses one."""
    lines = "".join(f"{text.hex()}\n" for text in texts)
    result = subprocess.run(  # noqa: S603 -- our own programs
        COMMANDS[name], check=True, capture_output=True, input=lines, text=True
    )
    found = [bytes.fromhex(line) for line in result.stdout.splitlines()]
    if len(found) != len(texts):
        raise AssertionError(f"{name} answered {len(found)} of {len(texts)} texts")
    return found
