// The page around verify.js: reads the chosen files, shows the verdict in plain words. It sends nothing anywhere.

const byId = (id) => document.getElementById(id);
const chosen = { proof: null, genesis: null };

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Contract values as people read them; whatever a terminal or a page would act upon is only text here.
function plain(value) {
  if (value === null) return "nothing";
  if (value instanceof Uint8Array) return `0x${hex(value)}`;
  if (Array.isArray(value)) return `[${value.map(plain).join(", ")}]`;
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${key}: ${plain(item)}`).join(", ")}}`;
  return String(value);
}

function valueText(encoded) {
  try {
    return plain(decode(unhex(encoded)));
  } catch {
    return `0x${encoded}`;
  }
}

function keyText(encoded) {
  const bytes = unhex(encoded);
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 2) return `0x${encoded}`;
    const end = bytes.indexOf(0, at);
    if (end < 0 || bytes[end + 1] === 0xff) return `0x${encoded}`;
    try {
      parts.push(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(at + 1, end)));
    } catch {
      return `0x${encoded}`;
    }
    at = end + 1;
  }
  // Texts stand in quotes: no two keys read the same.
  return parts.length > 1 ? `${parts[0]}[${parts.slice(1).map((part) => JSON.stringify(part)).join(", ")}]` : parts[0] ?? "0x";
}

function versionText(version) {
  const where = version.height === 0 ? "in the genesis" : `by transaction ${version.index} of block ${version.height}`;
  return version.value === null ? `deleted ${where}` : `${valueText(version.value)}, written ${where}`;
}

function transactionLines(fact) {
  const [, , , , , calls] = decode(decode(unhex(fact.raw))[1]);
  const [, , , , , , events, , values] = decode(unhex(fact.receipt));
  const outcome = fact.code === null ? "succeeded" : `FAILED with the code ${fact.code}, and changed nothing`;
  return [
    `Transaction ${fact.transaction_id}, signed by the key ${fact.sender_key}, was committed as number ${fact.index} of ` +
      `block ${fact.transaction_height}; it ${outcome}.`,
    ...calls.map(([contract, method, args]) => `call ${contract}.${method}(${args.map(plain).join(", ")})`),
    ...events.map(([contract, name, fields]) => `event ${contract}.${name} ${plain(fields)}`),
    ...values.filter((value) => value !== null).map((value) => `returned ${plain(value)}`),
  ];
}

const FACTS = {
  transaction: transactionLines,
  key: (fact) => [
    `After block ${fact.at_height}, ${fact.contract} held under ${keyText(fact.key)}: ` +
      (fact.version === null ? "nothing; it had never held anything there." : versionText(fact.version)),
  ],
  history: (fact) => [
    `Up to block ${fact.height}, ${fact.contract} held under ${keyText(fact.key)}, from first to last:`,
    ...(fact.versions.length ? fact.versions.map(versionText) : ["nothing, ever"]),
  ],
  story: (fact) => [
    `Story of the ${fact.rule} ${fact.subject}, as the contract ${fact.contract} kept it, complete up to block ` +
      `${fact.complete_to}. The contract's source had the hash ${fact.source_hash}.`,
    ...fact.records.flatMap((record) => [`Record of ${record.subject}:`, ...record.versions.map(versionText)]),
    `Written by ${fact.transactions.length} transactions:`,
    ...fact.transactions.flatMap(transactionLines),
  ],
  validators: (fact) => [
    fact.changed_at.length
      ? `They are not those of the genesis: certified blocks changed them, at heights ${fact.changed_at.join(", ")}.`
      : "They are those of the genesis.",
    ...fact.members.map((each) => `${each.id} of ${each.organisation}, key ${each.consensus_key}`),
  ],
};

const OUTCOME = "That the outcome is what the contracts' code demands: an audit checks that by running it again.";
const KEYS = "Who is behind the keys: the ledger's register of members is not part of this proof.";
const LIMITS = {
  transaction: [KEYS, "How many transactions the block has.", OUTCOME],
  key: [OUTCOME],
  history: [OUTCOME],
  story: [
    KEYS,
    "Attempts that failed: they wrote nothing.",
    "That the contract knows no more: what it keeps in which record is up to its source.",
  ],
  validators: ["That nobody has stolen their keys since: old keys can sign old heights again."],
};
const ALWAYS = [
  "That this is the latest state of affairs: blocks after this one are not looked at.",
  "That no other history exists: should a third of the validators or more sign two, each of them verifies. Compare heads with others.",
  "That block times are exact: they increase, and are what the proposers said.",
  "That what the members recorded is true outside of the ledger.",
];

const UNANCHORED =
  "Compare this hash with the one that you know from elsewhere: the genesis file that you chose decides who the validators are.";

function limitsOf(fact) {
  const absent = (fact.kind === "key" && fact.version === null) || (fact.kind === "history" && !fact.versions.length);
  const spelling = "That there is such a contract, or that it would keep anything under such a key: mind the spelling.";
  return [...(absent ? [spelling] : LIMITS[fact.kind]), ...ALWAYS];
}

function listOf(title, lines) {
  const section = element("section");
  section.append(element("h3", title), element("ul"));
  section.lastChild.append(...lines.map((line) => element("li", line)));
  return section;
}

function showProven(fact, milliseconds, anchored) {
  const when = new Date(Number(fact.time));
  const time = Number.isNaN(when.getTime()) ? `${fact.time} ms after 1970` : when.toISOString().replace("T", " ").replace("Z", " UTC");
  const certified =
    `Block ${fact.height} of ${time} is certified by ${fact.quorum} of ${fact.validators} validators, whose right to do ` +
    "so leads back to the genesis.";
  const raw = element("details");
  raw.append(element("summary", "The statement as JSON"), element("pre", JSON.stringify(fact, null, 2)));
  byId("verdict").dataset.milliseconds = String(milliseconds);
  byId("verdict").replaceChildren(
    element("h2", "Proven", "good"),
    element("p", `Ledger ${fact.genesis_hash}`, "hash"),
    ...(anchored ? [] : [element("p", UNANCHORED, "warn")]),
    element("p", certified),
    listOf("This is proven", FACTS[fact.kind](fact)),
    listOf("This is not", limitsOf(fact)),
    raw,
    element("p", `Checked here in ${milliseconds.toFixed(0)} ms; nothing left this page.`, "quiet"),
  );
}

function showRefused(error) {
  const known = error instanceof Refused;
  const title = known ? "Not proven" : "Not checked";
  const said = [Refused, Unsupported, Unusable].some((kind) => error instanceof kind);
  const detail = said ? error.message : `This page failed: ${error.message}`;
  byId("verdict").replaceChildren(
    element("h2", title, "bad"),
    element("p", detail),
    element("p", known ? "Believe nothing of what this file says." : "This says nothing about the file.", "quiet"),
  );
}

let checks = 0;

async function check() {
  // What is chosen may change while a file is being checked: only the last verdict counts.
  checks += 1;
  const own = checks;
  const digits = byId("hash").value.trim().toLowerCase();
  const ready = chosen.proof !== null && (chosen.genesis !== null || digits !== "");
  byId("waiting").textContent = ready
    ? ""
    : "Choose a proof, and give the genesis hash that you know from elsewhere, the genesis file, or both.";
  if (!ready) return byId("verdict").replaceChildren();
  try {
    if (digits !== "" && !/^[0-9a-f]{64}$/.test(digits)) throw new Unusable("the genesis hash has 64 hexadecimal digits");
    const start = performance.now();
    const fact = await verify(chosen.proof, chosen.genesis, digits === "" ? null : digits);
    if (own === checks) showProven(fact, performance.now() - start, digits !== "");
  } catch (error) {
    if (own === checks) showRefused(error);
  }
}

async function choose(name, file) {
  if (!file) return;
  chosen[name] = file.size > 16_777_216 ? new Uint8Array() : new Uint8Array(await file.arrayBuffer());
  byId(`${name}-name`).textContent = `${file.name}, ${file.size.toLocaleString("en")} bytes`;
  await check();
}

for (const name of ["proof", "genesis"]) {
  byId(name).addEventListener("change", (event) => choose(name, event.target.files[0]));
  const zone = byId(name).closest("label");
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    choose(name, event.dataTransfer.files[0]);
  });
}
byId("hash").addEventListener("input", check);
check();
