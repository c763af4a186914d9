"""Scenario files: commands in, what the replicas did out, in plain text.

A file is a row of blocks, separated by empty lines: comment lines that begin with #, command lines, a line ----, and
the expected output. Commands:

    cluster N [timeout_ticks=T ...]   make and start N replicas: ada, bob, cyd, dan, eve, fay, gus
    submit TX [to NAME ...]           a transaction becomes pending, at all or at some
    deliver [FILTER]                  deliver the packets now under way that match, and show every step
    drop [FILTER]                     lose them; repeat [FILTER] delivers them and keeps them
    work [NAME]                       let hosts answer what replicas asked for (executions, proposals, applied)
    settle                            deliver and work until nothing is under way; show decisions and reports
    tick N [NAME]                     let time pass for all or one, without delivering
    run N                             N ticks, settling after each
    crash NAME, restart NAME [damaged], wipe NAME, cut NAME, join NAME, connect NAME NAME
    executor NAME honest|fault|invalid|wrong|silent
    clock NAME MILLISECONDS           shift a clock
    swap-bodies NAME                  from now on it answers with the right header over other transactions
    propose NAME TX view V to NAME ...    sign a fresh PRE-PREPARE with NAME's key, and send it
    vote NAME prepare|commit TX view V to NAME ...
    view-change NAME view V [at H] [forged] to NAME ...
    new-view NAME view V of NAME ... [stripped|short] to NAME ...
    status                            one line a replica
    log NAME                          what is in its log
    refused                           codes of what the edge has refused since the last time

FILTER is any of: from NAME, to NAME, KIND.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from pbft_bench import CHAIN_ID, Bench, BodyRequest, ChainRequest, Host, Packet, result_of, seed_of
from pbft_words import Words

from chain.block import Block
from chain.certificate import Certificate, Phase, Subject, decode_certificate
from chain.crypto import sign
from chain.types import Digest, Epoch, Height, Milliseconds, Signature, ValidatorId, View
from consensus.pbft import events, messages
from consensus.pbft.records import RecordKind, decode_record

UNSIGNED = Signature(bytes(64))
AnyMessage = TypeVar("AnyMessage", bound=messages.Message)


class Script:
    """Runs commands against one bench and collects what happens."""

    def __init__(self) -> None:
        """Wait for the cluster command."""
        self.bench = Bench(1)
        self.lines: list[str] = []
        self.words = Words()
        self.shows_steps = False

    def run(self, command: str) -> list[str]:
        """Run one command and return its output."""
        self.lines = []
        verb, *words = command.split()
        commands: dict[str, Callable[[list[str]], None]] = {
            "cluster": self.cluster,
            "submit": self.submit,
            "deliver": lambda words: self.deliver(words, keeps=False),
            "repeat": lambda words: self.deliver(words, keeps=True),
            "drop": self.drop,
            "work": self.work,
            "settle": lambda words: self.bench.settle(),
            "tick": self.tick,
            "run": lambda words: self.bench.tick(int(words[0])),
            "crash": lambda words: self.host(words[0]).crash(),
            "restart": self.restart,
            "wipe": self.wipe,
            "cut": lambda words: self.bench.cut.add(words[0]),
            "join": lambda words: self.bench.cut.discard(words[0]),
            "connect": self.connect,
            "executor": self.executor,
            "clock": self.clock,
            "swap-bodies": lambda words: setattr(self.host(words[0]), "swaps_bodies", True),
            "propose": self.propose,
            "vote": self.vote,
            "view-change": self.view_change,
            "new-view": self.new_view,
            "status": self.status,
            "log": self.log,
            "refused": self.refused,
        }
        self.shows_steps = verb in ("deliver", "repeat", "work", "tick", "connect")
        commands[verb](words)
        return self.lines

    def host(self, name: str) -> Host:
        """Return a host by name."""
        return self.bench.hosts[ValidatorId(name)]

    def cluster(self, words: list[str]) -> None:
        """Make and start a cluster."""
        settings = {key: int(value) for key, value in (word.split("=") for word in words[1:])}
        self.bench = Bench(int(words[0]), **settings)
        for host in self.bench.hosts.values():
            host.observe = self.observe
        self.bench.start_all()

    def submit(self, words: list[str]) -> None:
        """Make a transaction pending."""
        names = words[2:] or [host.name for host in self.bench.running()]
        for name in names:
            self.host(name).submit(words[0].encode())

    def matching(self, words: list[str]) -> Iterator[Packet]:
        """Yield the packets under way that a filter matches."""
        wanted = dict(itertools.pairwise(words))
        kinds = [word for word in words if word.isupper()]
        for packet in list(self.bench.packets):
            fits = packet.sender == wanted.get("from", packet.sender) and packet.to == wanted.get("to", packet.to)
            if fits and (not kinds or kind_of(packet) in kinds):
                yield packet

    def deliver(self, words: list[str], *, keeps: bool) -> None:
        """Deliver matching packets in order."""
        for packet in self.matching(words):
            index = next(place for place, item in enumerate(self.bench.packets) if item is packet)
            self.bench.deliver(index)
            if keeps:
                self.bench.packets.append(packet)

    def drop(self, words: list[str]) -> None:
        """Lose matching packets."""
        lost = [id(packet) for packet in self.matching(words)]
        self.bench.packets[:] = [packet for packet in self.bench.packets if id(packet) not in lost]

    def work(self, words: list[str]) -> None:
        """Let hosts answer until they owe nothing."""
        for host in list(self.bench.running()):
            while (not words or host.name in words) and host.do_work():
                pass

    def tick(self, words: list[str]) -> None:
        """Let time pass."""
        if len(words) == 1:
            self.bench.tick(int(words[0]), settle=False)
            return
        host = self.host(words[1])
        for _ in range(int(words[0])):
            host.clock = Milliseconds(host.clock + 10)
            host.step(events.Tick(host.clock))

    def restart(self, words: list[str]) -> None:
        """Start a host from what is durable."""
        self.bench.restart(words[0], damaged="damaged" in words)

    def wipe(self, words: list[str]) -> None:
        """Lose a host's log and chain."""
        host = self.host(words[0])
        host.crash()
        host.log.clear()
        host.chain.clear()
        host.floor = Height(1)

    def connect(self, words: list[str]) -> None:
        """Tell two hosts that they are connected again."""
        first, second = words
        self.host(first).step(events.PeerConnected(ValidatorId(second)))
        self.host(second).step(events.PeerConnected(ValidatorId(first)))

    def executor(self, words: list[str]) -> None:
        """Choose how a host's executor behaves."""
        self.host(words[0]).executor = words[1]

    def clock(self, words: list[str]) -> None:
        """Shift a host's clock."""
        host = self.host(words[0])
        host.clock = Milliseconds(host.clock + int(words[1]))

    def block(self, name: str, transaction: str) -> Block:
        """Return the block that a host would propose for one transaction."""
        host = self.host(name)
        pending, host.pending = host.pending, [transaction.encode()]
        block = host.build()
        host.pending = pending
        self.words.label(block)
        return block

    def inject(self, name: str, message: messages.Message, words: list[str], block: Block | None = None) -> None:
        """Send a message under a host's name."""
        for to in words[words.index("to") + 1 :]:
            self.bench.packets.append(Packet(ValidatorId(name), ValidatorId(to), events.Send((), message, block)))

    def place(self, name: str, words: list[str]) -> tuple[Digest, Epoch, Height, View]:
        """Return where a forged message belongs."""
        height = int(words[words.index("at") + 1]) if "at" in words else len(self.host(name).chain) + 1
        return CHAIN_ID, Epoch(0), Height(height), View(int(words[words.index("view") + 1]))

    def propose(self, words: list[str]) -> None:
        """Sign and send a fresh PRE-PREPARE."""
        name, transaction = words[:2]
        block = self.block(name, transaction)
        header = block.header.encoded()
        message = messages.PrePrepare(*self.place(name, words), header, ValidatorId(name), UNSIGNED)
        self.inject(name, signed(message), words, block)

    def vote(self, words: list[str]) -> None:
        """Sign and send a vote for the block that the view's primary proposed."""
        name, phase, transaction = words[:3]
        block_hash = next(key for key, label in self.words.labels.items() if label == transaction)
        known = {block.block_hash: block for block in self.blocks}
        subject = Subject(*self.place(name, words), block_hash, result_of(known[block_hash]).result_hash)
        message = messages.Vote(Phase[phase.upper()], subject, ValidatorId(name), UNSIGNED)
        self.inject(name, signed(message), words)

    def make_view_change(self, name: str, words: list[str]) -> messages.ViewChange:
        """Return a host's VIEW-CHANGE, with what it has prepared or a forged certificate."""
        host = self.host(name)
        place = self.place(name, words)
        prepared = [record.payload for record in map(decode_record, host.log) if record.kind is RecordKind.PREPARED]
        certificate = decode_certificate(prepared[-1]) if prepared else None
        if "forged" in words:
            chain_id, epoch, height, _ = place
            subject = Subject(chain_id, epoch, height, View(0), Digest(bytes(32)), Digest(bytes(32)))
            own = sign(seed_of(name), "vote", subject.payload(Phase.PREPARE))
            signers = self.bench.validators.ids[: self.bench.validators.quorum]
            certificate = Certificate(Phase.PREPARE, subject, tuple((signer, own) for signer in signers))
        head = host.head()
        return signed(messages.ViewChange(*place, head.certificate, certificate, ValidatorId(name), UNSIGNED))

    def view_change(self, words: list[str]) -> None:
        """Sign and send a VIEW-CHANGE."""
        self.inject(words[0], self.make_view_change(words[0], words), words)

    def new_view(self, words: list[str]) -> None:
        """Sign and send a NEW-VIEW of some replicas' VIEW-CHANGEs; stripped ones lack what they have prepared."""
        name = words[0]
        of = [word for word in words[words.index("of") + 1 : words.index("to")] if word in self.bench.hosts]
        changes = [self.make_view_change(signer, words) for signer in sorted(of)]
        if "stripped" in words:
            changes = [replace(change, prepared=None) for change in changes]
        message = messages.NewView(*self.place(name, words), tuple(changes), ValidatorId(name), UNSIGNED)
        self.inject(name, signed(message), words)

    def status(self, words: list[str]) -> None:
        """Show where every replica is."""
        for host in self.bench.hosts.values():
            if host.replica is None:
                self.lines.append(f"{host.name} down, {len(host.chain)} blocks")
                continue
            status = host.replica.status
            mode = "changing to view" if status.is_changing_view else "view"
            silent = f", silent: {status.why_not}" if status.why_not else ""
            where = f"height {status.height}, {mode} {status.view}, primary {status.primary}"
            self.lines.append(f"{host.name} {where}{silent}")
        self.bench.check()

    def log(self, words: list[str]) -> None:
        """Show a host's log."""
        for record in map(decode_record, self.host(words[0]).log):
            self.lines.append(self.words.show_record(record.kind, record.payload))

    def refused(self, words: list[str]) -> None:
        """Show what the edge has refused."""
        self.lines += self.bench.refused or ["nothing"]
        self.bench.refused.clear()

    @property
    def blocks(self) -> list[Block]:
        """Every block that was ever sent beside a message or decided."""
        sent = [packet.content.block for packet in self.bench.packets if isinstance(packet.content, events.Send)]
        outputs = [output for host in self.bench.hosts.values() for output in host.outputs]
        sent += [item.block for output in outputs for item in output.send if isinstance(item, events.Send)]
        return [block for block in sent if block is not None]

    def observe(self, host: Host, event: events.Event, output: events.Output) -> None:
        """Show a step: all of it, or only what was decided and reported."""
        for item in output.send:
            if isinstance(item, events.Send) and item.block is not None:
                self.words.label(item.block)
        lines = [f"  persist {', '.join(self.words.show_record(item.kind, item.payload) for item in output.persist)}"]
        lines = lines if output.persist else []
        lines += [f"  {self.words.show_outgoing(item)}" for item in output.send]
        decisions = [self.words.show_decision(item) for item in output.decide]
        lines += [f"  {decision}" for decision in decisions]
        lines += [f"  {self.words.show_request(item)}" for item in output.fetch]
        reports = [self.words.show_report(item) for item in output.report]
        lines += [f"  {report}" for report in reports]
        if self.shows_steps and lines:
            self.lines += [f"{host.name} <- {self.words.show_event(event)}", *lines]
        elif not self.shows_steps:
            self.lines += [f"{host.name} {line}" for line in decisions + reports if line != "report awake"]


def kind_of(packet: Packet) -> str:
    """Return the word by which a filter names a packet's kind."""
    match packet.content:
        case events.Send(message=message):
            return message.kind.name.replace("_", "-")
        case events.CertifiedBlock():
            return "BLOCK"
        case events.BodyArrived():
            return "BODY"
        case BodyRequest() | ChainRequest():
            return "REQUEST"


def signed(message: AnyMessage) -> AnyMessage:
    """Return a message signed with the bench's key of its signer."""
    signature = sign(seed_of(message.signer), messages.TAGS[message.kind], message.payload)
    return replace(message, signature=signature)
