// Who certifies blocks, how this node sees them, and how consensus stands.

import { get } from "./api.js";
import { card, facts, h, label, notice, show, table, tiles } from "./dom.js";
import { bytes, hash, number, organisationLink, rule, time } from "./format.js";

const REFRESH_MS = 3000;

export async function networkPage({ signal }) {
  const [network, validators] = await Promise.all([get("/v1/network", signal), get("/v1/validators", signal)]);
  const moving = h("div");
  const refresh = async () => show(moving, condition(await get("/v1/network/status", signal), validators));
  await refresh();
  const timer = setInterval(() => refresh().catch(() => {}), REFRESH_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  const parameters = Object.entries(network.parameters).map(rule);
  return { title: "Network", content: [h("h1", {}, "Network"), h("p", { class: "lead" }, `As node ${network.node.name} sees it, every few seconds.`), moving,
    h("div", { class: "grid" },
      card("Validators", table("Validators", VALIDATORS, validators.validators), { more: h("a", { href: "/v1/validators" }, "JSON") }),
      card("Rules of the ledger", facts([["Genesis hash", hash(network.genesis_hash, null, true)], ["Began", time(network.genesis_time)], ...parameters]), { size: "half", more: h("a", { href: "/v1/network" }, "JSON") }),
      card("Governance", facts([["Electorate", network.governance.electorate.map((name) => [organisationLink(name), " "])],
        ...Object.entries(network.governance).filter(([name]) => name !== "electorate").map(rule)]), { size: "half" })) ] };
}

const VALIDATORS = [
  ["Validator", (it) => it.id], ["Organisation", (it) => organisationLink(it.organisation)],
  ["Consensus key", (it) => h("span", { class: "mono small" }, it.consensus_key)],
];

function condition(status, validators) {
  const { node, consensus, pool, disk } = status;
  const seconds = (it, digits = 1) => (it === null || it === undefined ? "–" : it < 1 ? `${Math.round(it * 1000)} ms` : `${number(Number(it.toFixed(digits)))} s`);
  const reasons = [...node.not_ready_reasons.map((text) => notice(text, "bad")), ...node.notices.map((text) => notice(text, "warn"))];
  const voters = new Map(validators.validators.map(({ id }) => [id, null]));
  const peers = new Map(status.peers.map((peer) => [peer.name, peer]));
  const columns = [
    ["Node", (it) => [it, it === node.name && h("span", { class: "quiet" }, " (this one)"), it === consensus?.primary && [" ", label("primary", "accent")]]],
    ["Connection", (it) => (it === node.name ? "–" : peers.get(it)?.connected ? label("connected", "good") : label("not connected", "bad"))],
    ["Height", (it) => number((it === node.name ? node.height : peers.get(it)?.height) ?? 0), "number"],
    ["Round trip", (it) => seconds(peers.get(it)?.round_trip_seconds, 3), "number"],
    ["Clock ahead", (it) => seconds(peers.get(it)?.clock_offset_seconds, 3), "number"],
    ["Last vote", (it) => (it === node.name ? "–" : `${seconds(consensus?.silent_seconds[it], 0)}`), "number"],
    ["This height", (it) => consensus && [consensus.prepares.includes(it) && label("prepare", "good"), consensus.commits.includes(it) && label("commit", "good"), consensus.view_changes.includes(it) && label("view change", "warn")]],
  ];
  return [reasons, tiles([
    ["Height", number(node.height), consensus ? `deciding ${number(consensus.height)}` : status.phase],
    ["View", number(node.view), consensus?.changing_view ? "changing view" : `primary ${node.primary ?? "unknown"}`],
    ["Quorum", `${validators.quorum} of ${validators.validators.length}`, `${validators.faults_max} may fail`],
    ["Waiting", number(pool?.transactions ?? 0), `${bytes(pool?.bytes ?? 0)}; oldest ${seconds(pool?.oldest_seconds)}`],
    ["Last block", consensus?.decided_seconds === null || !consensus ? "–" : `${seconds(consensus.decided_seconds, 0)} ago`, consensus?.stalled_seconds ? `stalled ${seconds(consensus.stalled_seconds)}` : "nothing stalls"],
    ["Disk", bytes(disk.free_bytes), `free; sync ${seconds(disk.sync_seconds_median)}`],
  ]), card("Consensus", table("Validators as this node sees them", columns, [...voters.keys()]), { more: h("a", { href: "/v1/network/status" }, "JSON") })];
}
