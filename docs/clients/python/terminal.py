#!/usr/bin/env python3
"""A terminal: enrols, gets tokens by its own key, clocks people in, works through outages, verifies its receipts."""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import struct
import sys
import time
import uuid

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from qinlian.v1 import attendance_pb2 as att
from qinlian.v1 import attendance_pb2_grpc, audit_pb2, audit_pb2_grpc, common_pb2, directory_pb2 as directory
from qinlian.v1 import directory_pb2_grpc

# The outcome is not known: the same request id again (docs/terminals.md).
IN_DOUBT = {
    grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def text(value):
    """A text in signed bytes: its length as u16, then its UTF-8."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


class Receipt:
    """A c2sp.org/tlog-proof of an entry, checked with the log's verifier key (c2sp.org/signed-note)."""

    @staticmethod
    def verify(leaf, proof, vkeys):
        """The index of the leaf in the log, or an exception."""
        head, note = proof.split("\n\n", 1)
        lines = head.split("\n")
        assert lines[0] == "c2sp.org/tlog-proof@v1", "not a proof"
        index = int(next(line for line in lines if line.startswith("index ")).split(" ")[1])
        path = [base64.b64decode(line) for line in lines[lines.index(f"index {index}") + 1:]]
        size, root = Receipt.checkpoint(note, vkeys)
        digest = hashlib.sha256(b"\0" + leaf).digest()
        # RFC 9162, 2.1.3.2.
        assert index < size, "not in this tree"
        at, last = index, size - 1
        for step in path:
            assert last > 0, "the path is too long"
            if at & 1 or at == last:
                digest = hashlib.sha256(b"\1" + step + digest).digest()
                while not at & 1 and at:
                    at, last = at >> 1, last >> 1
            else:
                digest = hashlib.sha256(b"\1" + digest + step).digest()
            at, last = at >> 1, last >> 1
        assert last == 0 and digest == root, "the path leads to another root"
        return index

    @staticmethod
    def checkpoint(note, vkeys):
        """Size and root of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
        body, signatures = note.split("\n\n", 1)
        body += "\n"
        origin, size, root = body.split("\n")[:3]
        for vkey in vkeys:
            name, key_id, key = vkey.split("+", 2)
            if name != origin:
                continue
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
            for line in signatures.strip().split("\n"):
                _, signer, blob = line.split(" ")
                raw = base64.b64decode(blob)
                if signer == name and raw[:4].hex() == key_id:
                    try:
                        public.verify(raw[4:], body.encode())
                        return int(size), base64.b64decode(root)
                    except InvalidSignature:
                        pass
        raise AssertionError("nobody we know signed this checkpoint")


class Terminal:
    def __init__(self, folder, server=None, centre=None, device=None, ca=None):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "state.json"
        if self.file.exists():
            self.state = json.loads(self.file.read_text())
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            key = Ed25519PrivateKey.generate()
            raw = key.private_bytes(
                serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
            self.state = {"server": server, "centre": centre, "device": device, "ca": ca, "key": raw.hex(),
                          "seq": 0, "etag": "", "vkeys": [], "waiting": []}
            self.save()
        if server and server != self.state["server"]:
            self.state["server"] = server
            self.save()
        # New at each start of the machine, as its monotonic clock is.
        self.boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.state["key"]))
        self.public = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        channel = self.channel()
        self.directory = directory_pb2_grpc.DirectoryServiceStub(channel)
        self.attendance = attendance_pb2_grpc.AttendanceServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.bearer, self.bearer_until = None, 0

    def channel(self):
        if self.state["ca"]:
            roots = pathlib.Path(self.state["ca"]).read_bytes()
            return grpc.secure_channel(self.state["server"], grpc.ssl_channel_credentials(roots))
        return grpc.insecure_channel(self.state["server"])

    def save(self):
        """Durable before anybody is told that it happened."""
        new = self.file.with_suffix(".new")
        with open(new, "w", encoding="utf-8") as out:
            os.chmod(new, 0o600)
            json.dump(self.state, out, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, self.file)

    def signed(self, what, rest):
        """A signature over a domain, centre, device and the rest."""
        place = text(self.state["centre"]) + text(self.state["device"])
        return self.key.sign(b"qinlian/v1/device/" + what + b"\0" + place + rest)

    # Getting in.

    def enrol(self, code):
        letters = code.replace("-", "").replace(" ", "").lower()
        # The id is kept until there is an answer, so that a lost one can be asked for again.
        request_id = self.state.setdefault("enrolling", str(uuid.uuid4()))
        self.save()
        answer = self.directory.EnrolDevice(directory.EnrolDeviceRequest(
            centre=self.state["centre"], request_id=request_id, device=self.state["device"], code=code,
            public_key=self.public, signature=self.signed(b"enrol", text(letters) + self.public)))
        self.state["vkeys"] = list(answer.verifier_keys)
        self.state["seq"] = 0
        del self.state["enrolling"]
        self.save()
        Receipt.verify(answer.receipt.leaf, answer.receipt.proof, self.state["vkeys"])
        return answer.device

    def authorization(self):
        """A token, a new one a minute before the last one ends."""
        if time.time() > self.bearer_until - 60:
            where = {"centre": self.state["centre"], "device": self.state["device"]}
            challenge = self.directory.GetDeviceChallenge(directory.GetDeviceChallengeRequest(**where)).challenge
            signature = self.signed(b"token", struct.pack(">H", len(challenge)) + challenge)
            answer = self.directory.GetDeviceToken(directory.GetDeviceTokenRequest(
                challenge=challenge, signature=signature, **where))
            self.bearer, self.bearer_until = answer.token, answer.expires_at.seconds
        return [("authorization", f"Bearer {self.bearer}")]

    # Clocking in.

    def punch(self, direction, kind, value):
        """Stamps it and writes it down; then it has happened, whatever becomes of the network."""
        self.state["seq"] += 1
        now_ms = time.time_ns() // 1_000_000
        punch = att.Punch(
            request_id=str(uuid.uuid4()), direction=att.Punch.Direction.Value(direction.upper()),
            method=att.Punch.Method.Value(kind) if kind in att.Punch.Method.keys() else att.Punch.MANUAL,
            presented=common_pb2.Presented(credential=common_pb2.Credential(
                kind=common_pb2.Credential.Kind.Value(kind), value=value)),
            stamp=common_pb2.DeviceStamp(
                device=self.state["device"], device_seq=self.state["seq"], boot_id=self.boot,
                mono_ms=time.monotonic_ns() // 1_000_000))
        punch.stamp.claimed_at.FromMilliseconds(now_ms)
        credential = punch.presented.credential
        punch.stamp.signature = self.signed(b"punch", (
            struct.pack(">Q", self.state["seq"]) + text(self.boot)
            + struct.pack(">Qq", punch.stamp.mono_ms, now_ms) + bytes([punch.direction, punch.method])
            + text(punch.device_label) + bytes([2, credential.kind]) + text(value) + text("") + b"\0"))
        self.state["waiting"].append(base64.b64encode(punch.SerializeToString()).decode())
        self.save()
        return punch

    def send_one(self, punch):
        answer = self.attendance.RecordPunch(att.RecordPunchRequest(
            centre=self.state["centre"], request_id=punch.request_id, punch=punch),
            metadata=self.authorization(), timeout=10)
        self.done(punch.request_id, answer.receipt.leaf, answer.receipt.proof)
        return answer

    def sync(self):
        """Reports, and sends everything that waits; one bad item never blocks the next."""
        head, centre, device = self.state["seq"], self.state["centre"], self.state["device"]
        report = att.ReportDeviceRequest(
            centre=centre, device=device, boot_id=self.boot,
            mono_ms=time.monotonic_ns() // 1_000_000, journal_head=head)
        report.wall_at.GetCurrentTime()
        self.attendance.ReportDevice(report, metadata=self.authorization(), timeout=10)
        outcomes = {}
        while self.state["waiting"]:
            batch = self.state["waiting"][:500]
            punches = [att.Punch.FromString(base64.b64decode(one)) for one in batch]
            answer = self.attendance.UploadPunches(att.UploadPunchesRequest(
                centre=centre, request_id=str(uuid.uuid4()), device=device, punches=punches),
                metadata=self.authorization(), timeout=30)
            before = len(self.state["waiting"])
            for result in answer.results:
                name = common_pb2.Outcome.Name(result.outcome)
                outcomes[name] = outcomes.get(name, 0) + 1
                if name == "REJECTED":
                    # Sending it again will not help: put aside, for somebody to look at.
                    self.put_aside(result.request_id, result.reason)
                elif name != "RETRY":
                    self.done(result.request_id, result.leaf, None)
            if len(self.state["waiting"]) == before:
                break
        return outcomes

    def done(self, request_id, leaf, proof):
        """Takes a punch out of the journal once its place in the log is verified."""
        if proof is None:
            receipt = self.audit.GetReceipt(audit_pb2.GetReceiptRequest(
                centre=self.state["centre"], request_id=request_id), metadata=self.authorization()).receipt
            assert receipt.leaf == leaf, "the receipt is for another entry"
            proof = receipt.proof
        Receipt.verify(leaf, proof, self.state["vkeys"])
        self.state["waiting"] = [one for one in self.state["waiting"] if self.id_of(one) != request_id]
        self.save()

    def put_aside(self, request_id, reason):
        aside = [one for one in self.state["waiting"] if self.id_of(one) == request_id]
        self.state.setdefault("rejected", []).extend([one, reason] for one in aside)
        self.state["waiting"] = [one for one in self.state["waiting"] if self.id_of(one) != request_id]
        self.save()

    @staticmethod
    def id_of(one):
        return att.Punch.FromString(base64.b64decode(one)).request_id

    def config(self):
        answer = self.directory.GetTerminalConfig(directory.GetTerminalConfigRequest(
            centre=self.state["centre"], device=self.state["device"], etag=self.state["etag"],
            reveal=common_pb2.Reveal(purpose=common_pb2.Reveal.ATTENDANCE, reason="terminal display")),
            metadata=self.authorization())
        if not answer.not_modified:
            self.state["etag"] = answer.etag
            self.save()
        return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True, help="a folder of this terminal's own")
    parser.add_argument("--server", help="host:port")
    parser.add_argument("--centre")
    parser.add_argument("--device")
    parser.add_argument("--ca", help="the authority behind the server's certificate, a PEM file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("enrol").add_argument("code")
    clock = commands.add_parser("clock")
    clock.add_argument("direction", choices=["in", "out"])
    clock.add_argument("kind", choices=["CARD", "FACE", "FINGERPRINT", "PIN", "QR"])
    clock.add_argument("value")
    commands.add_parser("sync")
    commands.add_parser("config")
    options = parser.parse_args()
    terminal = Terminal(options.state, options.server, options.centre, options.device, options.ca)
    if options.command == "enrol":
        device = terminal.enrol(options.code)
        print(f"enrolled {device.device}, journal {device.journal}")
    elif options.command == "clock":
        punch = terminal.punch(options.direction, options.kind, options.value)
        try:
            answer = terminal.send_one(punch)
            flags = [att.PunchFlag.Name(flag) for flag in answer.flags]
            print(f"{common_pb2.Outcome.Name(answer.outcome)} entry {answer.receipt.entry_index} verified {flags}")
        except grpc.RpcError as error:
            if error.code() not in IN_DOUBT:
                raise
            print(f"offline, {len(terminal.state['waiting'])} waiting")
    elif options.command == "sync":
        outcomes = terminal.sync()
        print(f"{json.dumps(outcomes, sort_keys=True)} {len(terminal.state['waiting'])} waiting")
    else:
        answer = terminal.config()
        if answer.not_modified:
            print("nothing new")
        else:
            people, credentials = answer.config.people, answer.config.credentials
            print(f"{len(people)} people, {len(credentials)} credentials, {len(answer.config.windows)} windows")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(1)
