"""Row 15: values that a name, a header, an address or a tool's file says are secret."""

from __future__ import annotations

import base64
import uuid

import pytest

from indoors_server.closed import secrets
from support import planted

# Put together here, so that no scanner takes this file for one with secrets in it.
CHOSEN = "Tr0ub4dor" + "&3"
PLAIN = "hunter" + "2Xy9"
MADE = "pUd9iMdfeZ04KvUi" + "amrIP4aOu7bnuu3V"
LETTERS = "hCOEUZlWHjaRixFH" + "QpNxHvZyqbJmaKqd"
HEX = "a1da5204642bbdb4a78f19e8b8480f3b" + "47c20431658b4550b7ef6bce6a0302cb"
UUID = str(uuid.UUID(int=0x3F2A9C1D22AA4B1E9D517710AA93BC41))
PAIR = base64.b64encode(b"bob:" + PLAIN.encode()).decode()

# Without quotes: a value ends with its line, or before a comment.
BARE: dict[str, tuple[str, str]] = {
    "yaml-key": ("api_key: {}\n", MADE),
    "yaml-hex": ("jwt_secret: {}\n", HEX),
    "yaml-uuid": ("client_secret: {}\n", "b" + UUID[1:]),
    "yaml-list": ("  - api_key: {}\n", MADE),
    "yaml-flow": ("db: { user: app, password: {}, port: 5432 }\n", PLAIN),
    "yaml-block": ("password: |\n  {}\n", PLAIN),
    "ini": ("password = {}\n", PLAIN),
    "ini-season": ("password = {}\n", "Summer" + "2024"),
    "properties": ("spring.datasource.password={}\n", PLAIN),
    "properties-blank": ("db.password : {}\n", PLAIN),
    "k8s": ("data:\n  password: {}\n", base64.b64encode(b"S3cr3t" + b"Pa55!x").decode()),
    "k8s-pw": ("data:\n  pw: {}\n", base64.b64encode(b"S3cr3t" + b"Pa55!x").decode()),
    "comment": ("api_key: {}  # prod\n", MADE),
    "comment-ini": ("password = {} ; prod\n", PLAIN),
    "comment-c": ("password: {} // prod\n", PLAIN),
    "special": ("DB_PASSWORD={}\n", "S3cr3t" + "#Pa(55$x"),
    "short": ("DB_PASSWORD={}\n", "hunter" + "2"),
    "dotted": ("password: {}\n", "S3cr3t" + ".Pa55"),
    "k8s-env": ("- name: DB_PASSWORD\n  value: {}\n", "S3cr3t" + "Pa55!x"),
    "k8s-env-plain": ("- name: DB_PASSWORD\n  value: {}\n", PLAIN),
    "k8s-env-quoted": ('- name: API_TOKEN\n  value: "{}"\n', MADE),
    "k8s-env-quoted-name": ("- name: 'DB_PASSWORD'\n  value: {}\n", PLAIN),
    "compose": ("environment:\n  - DB_PASSWORD={}\n", PLAIN),
    "compose-map": ("environment:\n  DB_PASSWORD: {}\n", PLAIN),
    "json-pair": ('{"name": "API_TOKEN", "value": "{}"}\n', MADE),
    "json-pair-lines": ('{\n  "key": "db_password",\n  "value": "{}"\n}\n', PLAIN),
    "json-pair-back": ('{"value": "{}", "key": "api_token"}\n', MADE),
    "xml-pair": ('<add key="ApiKey" value="{}"/>\n', MADE),
    "xml-password": ('<property name="db.password" value="{}"/>\n', PLAIN),
    "terraform": ('variable "db_password" {\n  type = string\n  default = "{}"\n}\n', PLAIN),
    "shell-command": ("PGPASSWORD={} psql -h db\n", PLAIN),
    "shell-default": ('PASS="${DB_PASSWORD:-{}}"\n', PLAIN),
    "docker-env": ("ENV DB_PASSWORD {}\n", PLAIN),
    "docker-run": ("docker run -e DB_PASSWORD={} image\n", PLAIN),
    "fish": ("set -x API_TOKEN {}\n", MADE),
    "batch": ("set PASSWORD={}\n", PLAIN),
    "libpq": ('connect("host=db user=app password={} dbname=x")\n', PLAIN),
    "redis": ("requirepass {}\n", PLAIN),
    "comment-words": ("# API key: {}\n", MADE),
    "slash": ("session_token={}\n", "/UchpW5Nt6eP9raIsyfYwJELd10kW" + "UJPuAgSrzhuNvNgMXUx"),
    "escaped-lines": ("'data:\\n  password: {}\\n  user: app\\n'\n", PLAIN),
    "query-key": ("get('https://x.test/y?key={}')\n", MADE),
    "xml-named": ('<entry key="db.password">{}</entry>\n', PLAIN),
    "xml-value": ('<password value="{}"/>\n', PLAIN),
    "cloudformation": ('{"ParameterKey": "DbPassword", "ParameterValue": "{}"}\n', PLAIN),
    "dotted-name": ("api.key={}\n", MADE),
    "mark": ("spring.datasource.password = {}\n", "%7@T51" + "pf1s"),
    "mark-first": ("db_password: {}\n", "!dzHAi" + "NhzjfTW!"),
    "mark-last": ("password: {}\n", "vBhPXfDTkxdy" + "wcLWIGlvetf!"),
    "letters": ("authToken: {}\n", "YycVuvjyyuLCQb" + "bGaRnb"),
    "letters-password": ("MYSQL_PWD={}\n", "sFZflSrfSUMg" + "xydz"),
    "diff": ("+password: {}\n", PLAIN),
}

# In code: all the ways in which a name gets, or is compared with, a text.
CODE: dict[str, tuple[str, str]] = {
    "python": ('API_KEY: str = "{}"\n', MADE),
    "python-optional": ('db_password: Optional[str] = "{}"\n', CHOSEN),
    "python-union": ('password: str | None = "{}"\n', PLAIN),
    "typescript": ('const dbPassword: string = "{}";\n', CHOSEN),
    "typescript-key": ('private readonly apiKey: string = "{}";\n', MADE),
    "go": ('const dbPassword string = "{}"\n', CHOSEN),
    "go-bytes": ('password := []byte("{}")\n', CHOSEN),
    "rust": ('static PASSWORD: &\'static str = "{}";\n', PLAIN),
    "rust-raw": ('let password = r#"{}"#;\n', CHOSEN),
    "kotlin": ('val password: String = "{}"\n', PLAIN),
    "swift": ('let apiKey: String = "{}"\n', MADE),
    "define": ('#define API_KEY "{}"\n', MADE),
    "call": ('password = to_bytes("{}")\n', CHOSEN),
    "call-hash": ('password = hash("{}")\n', CHOSEN),
    "behind-a-mark": ("// it's for tests: password = '{}'\n", PLAIN),
    "define-pass": ('#define WIFI_PASS "{}"\n', PLAIN),
    "basic": ('Dim password As String = "{}"\n', PLAIN),
    "pascal": ("password text := '{}';\n", PLAIN),
    "expected": ('expect(password).toBe("{}")\n', PLAIN),
    "wifi": ('WiFi.begin("ssid", "{}");\n', PLAIN),
    "define-letters": ('#define API_KEY "{}"\n', LETTERS),
    "xml-attribute": ('<user name="a" password="{}"/>\n', PLAIN),
    "escaped-letter": ('password = "{}"\n', "h\\u0075nt" + "er2Xy9"),
    "define-password": ('#define DB_PASSWORD  "{}"\n', PLAIN),
    "c-array": ('static const char password[16] = "{}";\n', PLAIN),
    "environ": ('os.environ.get("DB_PASSWORD", "{}")\n', CHOSEN),
    "getenv": ("os.getenv('API_KEY', '{}')\n", MADE),
    "getenv-other": ('DB_PASSWORD = os.getenv("SOMETHING", "{}")\n', CHOSEN),
    "getenv-or": ('pw = os.getenv("DB_PASSWORD") or "{}"\n', PLAIN),
    "getenv-default": ('config("DB_PASSWORD", default="{}")\n', CHOSEN),
    "ruby-fetch": ("ENV.fetch('DB_PASSWORD', '{}')\n", CHOSEN),
    "ruby-or": ("ENV['DB_PASSWORD'] || '{}'\n", CHOSEN),
    "js-or": ('const x = process.env.X_PASSWORD || "{}";\n', PLAIN),
    "js-nullish": ("const x = process.env.X_PASSWORD ?? '{}';\n", CHOSEN),
    "js-index-or": ('process.env["API_KEY"] || "{}"\n', MADE),
    "js-other-or": ('const password = process.env.X || "{}";\n', CHOSEN),
    "js-equal": ('if (password === "{}") {\n', CHOSEN),
    "js-unequal": ("if (password !== '{}') {\n", PLAIN),
    "py-equal": ('if password == "{}":\n', CHOSEN),
    "py-unequal": ('if password != "{}":\n', CHOSEN),
    "java-equals": ('if (password.equals("{}")) {\n', CHOSEN),
    "triple": ('PASSWORD = """{}"""\n', CHOSEN),
    "triple-single": ("PASSWORD = '''{}'''\n", CHOSEN),
    "pass": ('DB_PASS = "{}"\n', CHOSEN),
    "pass-small": ("db_pass = '{}'\n", PLAIN),
    "pass-camel": ('const dbPass = "{}";\n', CHOSEN),
    "pass-alone": ("{ user: 'x', pass: '{}' }\n", CHOSEN),
    "ansible": ("ansible_ssh_pass: {}\n", PLAIN),
    "psk": ('psk="{}"\n', PLAIN),
    "blank": ('password = "{}"\n', "Tr0ub4dor" + " &3"),
    "blank-words": ("password: '{}'\n", "my S3cr3t" + " word"),
    "json-in-json": ('s = "{\\"api_key\\": \\"{}\\"}"\n', MADE),
    "json-in-json-password": ('s = \'{\\"password\\": \\"{}\\"}\'\n', PLAIN),
    "escaped-quote": ("password = '{}'\n", "hunt\\'" + "er2Xy9"),
    "next-line": ('password = (\n    "{}"\n)\n', CHOSEN),
    "php-define": ("define('DB_PASSWORD', '{}');\n", CHOSEN),
    "setter": ('client.setApiKey("{}");\n', MADE),
    "setter-password": ("set_password('{}')\n", PLAIN),
    "keyword": ('Client(url="x", api_key="{}")\n', MADE),
    "constructor": ('new NetworkCredential("bob", "{}")\n', CHOSEN),
    "auth-pair": ('requests.get(url, auth=("bob", "{}"))\n', CHOSEN),
    "login-pair": ('smtp.login("bob@host.test", "{}")\n', CHOSEN),
    "list": ('api_keys = ["{}"]\n', MADE),
    "index": ('cfg["password"] = "{}"\n', PLAIN),
    "sql": ("CREATE USER bob WITH PASSWORD '{}';\n", PLAIN),
    "sql-identified": ("CREATE USER bob IDENTIFIED BY '{}';\n", PLAIN),
    "securestring": ('ConvertTo-SecureString "{}" -AsPlainText -Force\n', PLAIN),
    "scala": ('Map("password" -> "{}")\n', CHOSEN),
    "flask": ("app.secret_key = b'{}'\n", '_5#y2L"F4Q8z' + "\\n\\xec]/"),
}

# Headers, addresses and the files of tools.
PLACES: dict[str, tuple[str, str]] = {
    "curl-header": ("curl -H 'X-Api-Key: {}' https://x.test\n", MADE),
    "header-line": ("X-Api-Key: {}\n", MADE),
    "authorization-token": ("Authorization: token {}\n", HEX[:40]),
    "authorization-plain": ('"Authorization": "{}"\n', HEX[:40]),
    "authorization-scheme": ("headers['Authorization'] = 'GenieKey {}'\n", UUID),
    "address-token": ("https://{}@github.com/x/y.git\n", HEX[:40]),
    "address-number": ("postgres://bob:{}@db.test/x\n", "84629" + "173"),
    "address-same-remote": ("postgres://bobby7:{}@db.prod.test/x\n", "bobby" + "7"),
    "docker": ('{"auths": {"r.io": {"auth": "{}"}}}\n', PAIR),
    "npmrc-auth": ("_auth={}\n", PAIR),
    "npmrc-uuid": ("//registry.example/:_authToken={}\n", UUID),
    "netrc": ("machine h.test password {}\n", PLAIN),
    "netrc-lines": ("machine h.test\n  login bob\n  password {}\n", PLAIN),
    "netrc-lines-no-login": ("machine h.test\n  password {}\n", PLAIN),
    "netrc-default": ("default login anonymous password {}\n", PLAIN),
    "pgpass": ("db.test:5432:app:bob:{}\n", PLAIN),
    "pgpass-star": ("*:*:*:bob:{}\n", PLAIN),
    "curl-user": ("curl -u bob:{} https://x.test\n", PLAIN),
    "sshpass": ("sshpass -p {} ssh x\n", PLAIN),
    "docker-login": ("docker login -u x -p {} r.io\n", PLAIN),
    "jdbc-oracle": ("jdbc:oracle:thin:scott/{}@//h:1521/s\n", PLAIN),
}

TEXTS = {
    f"{kind}-{name}": text.replace("{}", value)
    for kind, texts in (("bare", BARE), ("code", CODE), ("place", PLACES))
    for name, (text, value) in texts.items()
}


@pytest.mark.parametrize("name", TEXTS)
def test_row_15_a_secret_is_found_by_what_stands_around_it(name: str) -> None:
    text = TEXTS[name]
    found = secrets.scan(f"first line\n{text}last line\n")
    assert found, text
    assert 2 <= found[0].line <= 1 + text.count("\n")


@pytest.mark.parametrize("name", ["bare-ini", "code-go", "code-blank", "place-curl-header"])
def test_a_secret_at_the_end_of_the_text_or_with_other_line_ends_is_found(name: str) -> None:
    assert secrets.scan(TEXTS[name].rstrip("\n"))
    assert secrets.scan(f"first\r\n{TEXTS[name].rstrip()}\r\nlast\r\n")


@pytest.mark.parametrize("name", TEXTS)
def test_the_same_text_with_a_placeholder_is_free(name: str) -> None:
    kind, _, key = name.partition("-")
    text, _value = {"bare": BARE, "code": CODE, "place": PLACES}[kind][key]
    for placeholder in ("", "changeme", "<secret>", "your-secret-here", "xxxxxxxx"):
        assert secrets.scan(f"first line\n{text.replace('{}', placeholder)}last line\n") == []


def test_secrets_in_these_tables_are_known_to_the_tables_of_keys_too() -> None:
    assert not set(planted.NAMED) & set(TEXTS)


@pytest.mark.parametrize("begin", ["API_KEY=", "client_secret: ", "DB_PASSWORD="])
def test_what_fills_up_the_end_of_base64_does_not_cut_it(begin: str) -> None:
    """Words such as pw, key and pass stand in what is made up, too."""
    for made in (
        "rM4GleePWGK45pBChHti08FTD",
        "ubmWlfbocpwvZOIkiXWurVudg8",
        "Ab5uKeynOvFFCJhO9MvvRH6N",
    ):
        assert secrets.scan(f"{begin}{made}kfpRQCXIGz0TcdMF0I=\n")


@pytest.mark.parametrize(
    "code",
    [
        'tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
        'self.tokenizer = AutoTokenizer.from_pretrained(\n    "Qwen/Qwen2.5-Coder-7B"\n)',
        'run(tokenizer="mistralai/Mistral-7B-v0.1", tokeniser="facebook/opt-125m")',
    ],
)
def test_a_tokenizer_is_no_token(code: str) -> None:
    assert not secrets.scan(code)
