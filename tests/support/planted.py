"""Secrets as they stand in real files, made anew for each run so that none is in the repository.

`keys()` are keys with a provider's form; `CONTEXTS` are the ways in which a key stands in code.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_HEX = string.digits + "abcdef"
_URL = _ALNUM + "_-"

# What a key is called, and its pieces: texts, and alphabets with a number of characters.
Piece = str | tuple[str, int]
_FORMS: tuple[tuple[str, tuple[Piece, ...]], ...] = (
    ("aws", ("AK" + "IA", (_UPPER, 16))),
    ("aws-session", ("AS" + "IA", (_UPPER, 16))),
    ("github", ("gh" + "p_", (_ALNUM, 36))),
    ("github-server", ("gh" + "s_", (_ALNUM, 36))),
    ("github-fine", ("github" + "_pat_", (_ALNUM, 22), "_", (_ALNUM, 59))),
    ("gitlab", ("gl" + "pat-", (_URL, 20))),
    ("slack-bot", ("xo" + "xb-", (string.digits, 12), "-", (string.digits, 12), "-", (_ALNUM, 24))),
    ("slack-app", ("xa" + "pp-1-A", (_UPPER, 10), "-", (string.digits, 13), "-", (_HEX, 64))),
    ("slack-hook", ("https://hooks.sl" + "ack.com/services/T", (_UPPER, 10), "/B", (_ALNUM, 35))),
    ("openai", ("sk" + "-proj-", (_URL, 74), "T3Blb" + "kFJ", (_URL, 74))),
    ("openai-old", ("sk" + "-", (_ALNUM, 20), "T3Blb" + "kFJ", (_ALNUM, 20))),
    ("anthropic", ("sk" + "-ant-api03-", (_URL, 93), "AA")),
    ("google", ("AI" + "za", (_URL, 35))),
    ("google-oauth", ("GOC" + "SPX-", (_URL, 28))),
    ("stripe", ("sk" + "_live_", (_ALNUM, 24))),
    ("stripe-hook", ("wh" + "sec_", (_ALNUM, 32))),
    ("twilio", ("S" + "K", (_HEX, 32))),
    ("sendgrid", ("S" + "G.", (_URL, 22), ".", (_URL, 43))),
    ("mailgun", ("ke" + "y-", (_HEX, 32))),
    ("mailchimp", ((_HEX, 32), "-u" + "s12")),
    ("npm", ("np" + "m_", (_ALNUM, 36))),
    ("pypi", ("py" + "pi-AgEIcHlwaS5vcmc", (_URL, 120))),
    ("docker", ("dc" + "kr_pat_", (_URL, 27))),
    ("huggingface", ("h" + "f_", (string.ascii_letters, 34))),
    ("digitalocean", ("do" + "p_v1_", (_HEX, 64))),
    ("shopify", ("sh" + "pat_", (_HEX, 32))),
    ("azure-storage", ("Account" + "Key=", (_ALNUM + "+/", 86), "==")),
    ("telegram", ((string.digits[1:], 10), ":A" + "A", (_URL, 33))),
    ("databricks", ("da" + "pi", (_HEX, 32))),
    ("doppler", ("dp" + ".pt.", (_ALNUM, 43))),
    ("vault", ("hv" + "s.", (_URL, 90))),
    ("terraform", ((_ALNUM, 14), ".atlas" + "v1.", (_URL, 67))),
    ("linear", ("lin" + "_api_", (_ALNUM, 40))),
    ("notion", ("nt" + "n_", (_ALNUM, 46))),
    ("postman", ("PM" + "AK-", (_HEX, 24), "-", (_HEX, 34))),
    ("newrelic", ("NR" + "AK-", (_UPPER, 27))),
    ("grafana", ("gl" + "sa_", (_ALNUM, 32), "_", (_HEX, 8))),
    ("atlassian", ("ATA" + "TT3", (_URL, 180))),
    ("age", ("AGE-SEC" + "RET-KEY-1", (_UPPER, 58))),
    ("jwt", ("ey" + "J", (_URL, 33), ".ey" + "J", (_URL, 80), ".", (_URL, 43))),
    ("jwe", ("ey" + "J", (_URL, 40), ".", (_URL, 342), ".", (_URL, 16), ".", (_URL, 80),
             ".", (_URL, 22))),
    ("jwe-direct", ("ey" + "J", (_URL, 40), "..", (_URL, 16), ".", (_URL, 80), ".", (_URL, 22))),
    ("groq", ("gs" + "k_", (_ALNUM, 52))),
    ("xai", ("xa" + "i-", (_ALNUM, 80))),
    ("perplexity", ("pp" + "lx-", (_ALNUM, 48))),
    ("replicate", ("r" + "8_", (_ALNUM, 37))),
    ("nvidia", ("nv" + "api-", (_URL, 64))),
    ("fireworks", ("f" + "w_", (_ALNUM, 24))),
    ("sentry-org", ("sn" + "trys_ey" + "J", (_ALNUM, 120), "=_", (_ALNUM + "+/", 43))),
    ("sentry-user", ("sn" + "tryu_", (_HEX, 64))),
    ("tailscale", ("ts" + "key-auth-", (_ALNUM, 12), "-", (_ALNUM, 32))),
    ("tailscale-api", ("ts" + "key-api-", (_ALNUM, 12), "-", (_ALNUM, 32))),
    ("supabase", ("sb" + "p_", (_HEX, 40))),
    ("supabase-secret", ("sb" + "_secret_", (_URL, 31))),
    ("figma", ("fi" + "gd_", (_URL, 40))),
    ("contentful", ("CF" + "PAT-", (_URL, 43))),
    ("circleci", ("CCI" + "PAT_", (_ALNUM, 22), "_", (_HEX, 40))),
    ("sonarqube", ("sq" + "u_", (_HEX, 40))),
    ("sonarqube-project", ("sq" + "p_", (_HEX, 40))),
    ("dynatrace", ("dt0" + "c01.", (_UPPER, 24), ".", (_UPPER, 64))),
    ("artifactory", ("AK" + "Cp", (_ALNUM, 69))),
    ("artifactory-reference", ("cmVm" + "dGtu", (_ALNUM, 56))),
    ("1password", ("op" + "s_ey" + "J", (_ALNUM + "+/", 300))),
    ("pulumi", ("pu" + "l-", (_HEX, 40))),
    ("planetscale-token", ("ps" + "cale_tkn_", (_URL, 43))),
    ("planetscale-password", ("ps" + "cale_pw_", (_URL, 43))),
    ("netlify", ("nf" + "p_", (_ALNUM, 36))),
    ("razorpay", ("rzp" + "_live_", (_ALNUM, 14))),
    ("facebook", ("EA" + "AG", (_ALNUM, 150))),
    ("facebook-old", ("EA" + "ACEdEose0cBA", (_ALNUM, 80))),
    ("square-access", ("EA" + "AA", (_URL, 60))),
    ("slack-client", ("xo" + "xc-", (string.digits, 12), "-", (string.digits, 12), "-",
                      (_HEX, 64))),
    ("slack-cookie", ("xo" + "xd-", (_ALNUM, 30), "%2B", (_ALNUM, 40), "%3D")),
    ("azure-devops", ((_ALNUM, 76), "AZ" + "DO", (_ALNUM, 4))),
    ("azure", ((_ALNUM, 52), "JQ" + "QJ99", (_ALNUM, 26))),
    ("buildkite", ("bk" + "ua_", (_HEX, 40))),
    ("fly", ("fm" + "2_", (_ALNUM + "+/", 200))),
    ("airtable", ("pa" + "t", (_ALNUM, 14), ".", (_HEX, 64))),
    ("asana", ("1/", (string.digits[1:], 16), ":", (_HEX, 32))),
    ("dropbox", ("s" + "l.", (_URL, 140))),
    ("braintree", ("access_token$prod" + "uction$", (_ALNUM, 16), "$", (_HEX, 32))),
    ("shippo", ("shippo" + "_live_", (_HEX, 40))),
    ("mapbox", ("sk" + ".ey" + "J", (_ALNUM, 60), ".", (_URL, 22))),
    ("nuget", ("oy" + "2", (string.ascii_lowercase + string.digits, 43))),
    ("clojars", ("CLO" + "JARS_", (string.ascii_lowercase + string.digits, 60))),
    ("easypost", ("EZ" + "AK", (_ALNUM, 54))),
    ("cloudflare-origin", ("v1" + ".0-", (_HEX, 24), "-", (_HEX, 146))),
    ("google-express", ("A" + "Q.", (_URL, 50))),
    ("twitter", ("A" * 21, "73m", (_ALNUM, 40), "%2B", (_ALNUM, 40), "%3D")),
    ("teams", ("https://x.webhook.off" + "ice.com/webhookb2/", (_HEX + "-", 72), "/", (_HEX, 32))),
    ("firebase", ("AA" + "AA", (_URL, 7), ":AP" + "A91b", (_URL, 134))),
)  # fmt: skip


def keys(seed: int = 7) -> Iterator[tuple[str, str]]:
    """A key of each form with its name."""
    chance = random.Random(seed)
    for name, pieces in _FORMS:
        yield (
            name,
            "".join(one if isinstance(one, str) else _random(chance, *one) for one in pieces),
        )


def _random(chance: random.Random, alphabet: str, size: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(size))


def _middle(key: str) -> int:
    """A place to break a key at, behind what it is known by."""
    return len(key) // 2


def _concatenated(key: str) -> str:
    at = _middle(key)
    return f'URL = (\n    "{key[:at]}"\n    "{key[at:]}"\n)\n'


def _added(key: str) -> str:
    at = _middle(key)
    return f"const x = '{key[:at]}' +\n  '{key[at:]}';\n"


def _wrapped(key: str) -> str:
    at = _middle(key)
    return f"the one we use is\n    {key[:at]}\n    {key[at:]}\n"


def _base64(key: str) -> str:
    data = base64.b64encode(f"value of it: {key}\n".encode()).decode()
    return f'BLOB = "{data}"\n'


CONTEXTS: dict[str, Callable[[str], str]] = {
    "literal": lambda key: f'client = Client("{key}")\n',
    "single": lambda key: f"x = f('{key}', 1)\n",
    "comment": lambda key: f"# was {key} until May\n",
    "json": lambda key: json.dumps({"a": [key]}),
    "yaml": lambda key: f"thing:\n  value: {key}\n",
    "env": lambda key: f"SOMETHING={key}\n",
    "in-a-list": lambda key: f"[1, '{key}']\n",
    "concatenated": _concatenated,
    "added": _added,
    "wrapped": _wrapped,
    "base64": _base64,
}


def pem(kind: str = "RSA ", seed: int = 3) -> str:
    """A block that looks like a private key."""
    chance = random.Random(seed)
    body = "\n".join(_random(chance, _ALNUM + "+/", 64) for _ in range(5))
    return f"-----BEGIN {kind}PRIVATE" + f" KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n"


# Values without a provider's form, by what stands around them. `{}` is the value.
_CHOSEN = "Tr0ub4dor" + "&3x"
_MADE = "9fK2vQ8zLw4RtY7b" + "Xc1Nm6Pd"
NAMED: dict[str, str] = {
    "python": f'DB_PASSWORD = "{_CHOSEN}"\n',
    "attribute": f"self.api_key = '{_MADE}'\n",
    "keyword": f'connect(host="db", password="{_CHOSEN}")\n',
    "dict": f'{{"client_secret": "{_MADE}"}}\n',
    "js": f"const authToken = `{_MADE}`;\n",
    "go": f'accessKey := "{_MADE}"\n',
    "java": f'private static final String SECRET = "{_MADE}";\n',
    "ruby": f"config[:secret_key_base] = '{_MADE}'\n",
    "yaml": f"password: '{_CHOSEN}'\n",
    "env": f"export API_TOKEN={_MADE}\n",
    "properties": f"spring.datasource.secret={_MADE}\n",
    "xml": f"<password>{_CHOSEN}</password>\n",
    "query": f'get("https://api.test/v1?api_key={_MADE}&page=2")\n',
    "connection": f'"Server=db;User Id=sa;Password={_CHOSEN};"\n',
    "flag": f"run --token {_MADE} now\n",
    "uri": f"postgresql://app:{_CHOSEN.replace('&', '')}@db.internal:5432/main\n",
    "header": f'"Authorization": "Bearer {_MADE}"\n',
    "basic": f"curl -H 'Authorization: Basic {base64.b64encode(b'me:9xQ4vT2k').decode()}'\n",
    "netrc": f"machine host.test login me password {_CHOSEN}\n",
    "aws-secret": f'aws_secret_access_key = "{_MADE}{_MADE[:16]}"\n',
    "random": f'f("{_MADE}{_MADE[::-1]}")\n',
    "encoded": f'BLOB = "{base64.b64encode(f"password = {_CHOSEN!r}".encode()).decode()}"\n',
    "env-password": f"DB_PASSWORD={_CHOSEN}\n",
    "env-word": "export DB_PASSWORD=hunter" + "2secret\n",
    "yaml-bare": f"password: {_CHOSEN}\n",
    "season": 'password = "Summer' + '2024"\n',
    "short": 'password = "hunter' + '2"\n',
    "counted": 'secret = "abcdef1234' + '567890abcdef1234567890"\n',
    "aws-documented": "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY\n",
    "word-in-it": f'api_key = "example_{_MADE}"\n',
    "split": f'password = ("{_CHOSEN[:5]}"\n            "{_CHOSEN[5:]}")\n',
}

# As people write them for tests and documentation: nobody can tell them from real ones.
MADE_UP: tuple[str, ...] = (
    "gh" + "p_1234567890abcdefghijABCDEFGHIJ123456",
    "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789",
    "xo" + "xb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "sk" + "-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789",
    "sk" + "-1234567890abcdef1234567890abcdef",
    "AK" + "IAIOSFODNN7EXAMPLE",
    "AK" + "IA1234567890ABCDEF",
    "gl" + "pat-abcdefghij1234567890",
    "AI" + "zaSyA1234567890abcdefghijklmnopqrstuvwx",
    "sk" + "_live_abcdefghijklmnop12345678",
)

# What looks like one and is none: names, placeholders, calls, hashes, addresses, documentation.
HARMLESS: tuple[str, ...] = (
    'password = os.environ["DB_PASSWORD"]\n',
    'password = input("Password: ")\n',
    "token = next(tokens)\n",
    'TOKEN_TYPE = "access_token"\n',
    'api_key = "YOUR_API_KEY"\n',
    'api_key = "<your api key>"\n',
    'password = "changeme"\n',
    'password = "${DB_PASSWORD}"\n',
    'secret_key = "xxxxxxxxxxxxxxxxxxxxxxxx"\n',
    "secret: {{ secrets.DEPLOY_TOKEN }}\n",
    "postgresql://user:password@localhost/db\n",
    'redis_url = f"redis://{user}:{password}@{host}"\n',
    "https://example.com:8443/a@b\n",
    'sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"\n',
    '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17A=="\n',
    'ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"\n',
    'uuid = "123e4567-e89b-12d3-a456-426614174000"\n',
    "def tokenize(text: str) -> list[Token]:\n    return [Token(word) for word in text.split()]\n",
    "max_tokens: int = 4096\n",
    "if key == 'password':\n    raise ValueError('password is required')\n",
    "primary_key=True, foreign_key='users.id'\n",
    "keyboard_key = 'ArrowDown12'\n",
    'translations = {"password": "Passwort", "token": "Zeichen"}\n',
    '<input type="password" id="password1" name="password_confirm">\n',
    "sk-toggleable__content-1\n",
    "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n",
    "Basic authentication and bearer tokens are explained below.\n",
    'TOKEN_RE = re.compile(r"[A-Za-z0-9]{20,40}")\n',
    "'password' => 'required|min:8|confirmed',\n",
    "'password_confirmation' => 'required|string|min:8|same:password',\n",
    'PASSWORD_FIELD = "password2"\n',
    'fields = ("username", "password1", "password2")\n',
    "postgresql://postgres:postgres@localhost:5432/app\n",
    "amqp://rabbit:rabbit@rabbitmq:5672/\n",
    '"Authorization": "Basic dXNlcjpwYXNz"\n',
    'password = password.encode("latin1")\n',
    '"password": "string?",\n',
    'oldpwd="$(pwd)"\n',
    "password = getpass()\n",
    "api_key = settings.API_KEY\n",
    "  token: TokenType\n",
    "secret = generate_secret_v2\n",
    "  password: passwordField2,\n",
    "  password: passwordField2\n",
    "  apiKey: configApiKeyV2,\n",
    "  apiKey: configApiKeyV2\n",
    "token = oauth2TokenV2\n",
    "password = sha256Base64\n",
    "password = users[0].password\n",
    "password = request.form['password1']\n",
    "  password: process.env.DB2_PASSWORD1\n",
    "secret = hmac_sha256(key1, key2)\n",
    'const passwordPlaceholder = "Enter your password (min 8 chars)";\n',
    'PASSWORD_ERROR = "Password must contain 1 digit!"\n',
    '"password": "At least 8 characters, 1 digit"\n',
    'log("password: must have 8 characters")\n',
    "bypass = 'route66ab'\n",
    "compass: 'north12east'\n",
    "first_pass = run_pass_2b(module)\n",
    "password: Joi.string().min(8),\n",
    "  password: string;\n",
    "def login(self, password: str = None) -> Token:\n",
    "if password == other.password2:\n",
    "password_hash: 'pbkdf2:sha256:260000'\n",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db-credentials-v2\n",
    '{"name": "password", "type": "string", "value": "${DB_PASSWORD}"}\n',
    '<input name="password" value="" type="password">\n',
    'os.environ.get("DB_PASSWORD", "")\n',
    'process.env.DB_PASSWORD || "password"\n',
    'if text.startswith("-----BEGIN PRIV' 'ATE KEY-----"):\n    return parse(text)\n',
    'PEM = "-----BEGIN RSA PRIV' 'ATE KEY-----\\n...\\n-----END RSA PRIV' 'ATE KEY-----"\n',
    "-----BEGIN PRIV" "ATE KEY-----\n<your key here>\n-----END PRIV" "ATE KEY-----\n",
    "-----BEGIN PRIV" "ATE KEY-----\nYOUR_PRIVATE_KEY\n-----END PRIV" "ATE KEY-----\n",
    "// the lines between -----BEGIN PRIV" "ATE KEY-----\n// and -----END PRIV" "ATE KEY-----\n",
    "/^PuTTY-User-Key-File-2: (ssh-(?:rsa|dss))\\r?\\nEncryption/\n",
    "machine host.test login user password ${PASSWORD}\n",
    'write("machine localhost login me password secret\\n")\n',
    "  password: !vault |\n",
    "  password: *default_password\n",
    "  password: this.password2!\n",
    "  password: @Input()\n",
    "password=%DB_PASSWORD%\n",
    "https://user@github.com/x/y.git\n",
    "https://4cd2feabbda5f05cb39676b9852e160d@o0.ingest.sentry.io/1\n",
    "tests/a.py:120:error:name:Foo\n",
    "//registry.example/:_authToken=${NPM_TOKEN}\n",
    "auth: { username, password }\n",
    "def authenticate(user, password):\n",
    'login("bob", "correct")\n',
    'SecretName: "arn:aws:secretsmanager:us-east-1:123456789012:secret:MySecret-a1b2c3"\n',
    'DATABASE_URL = "mysql://root:root@127.0.0.1/test"\n',
    'r.push("pass:"+e.password)}else{f(o,e.password);r.push("file2!:"+o)\n',
    "names = ['crypto_secretbox', 'crypto_secretstream_xchacha20poly1305_init_push']\n",
    'MovedAttribute("HTTPPasswordMgr", "urllib2", "urllib.request")\n',
    "To allow it, pass `allow_module_level=True` and more.\n",
    'SECRET_LABEL "\\x6d\\x61\\x73\\x74\\x65\\x72\\x20\\x73\\x65\\x63\\x72\\x65\\x74"\n',
    "AccessTokenHash: False\\r\\n\\r\\n2026-08-22T17:22:36.8536849Z:logging\n",
    '"""Set default password for encrypted files."""\n',
    "secretPath: /etc/app2/secrets3/key4.pem\n",
)  # fmt: skip
