#!/usr/bin/env python3
"""A host that means no good: hostile.py INTERFACE ADDRESS, as root, on a private segment.

Answers every ARP question with three made-up hardware addresses, tells more that nobody has asked for, and announces by
multicast DNS what no parser should meet: odd names, 60 KiB of TXT, loops, lies and truncated messages.
Says "ready" on standard output, and ends with its standard input.
"""
import os, random, socket, struct, sys, threading, time

interface, address = sys.argv[1:]
chance = random.Random(1)


def mac():
    return bytes([2]) + chance.randbytes(5)


def arp():
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    link.bind((interface, 0x0806))
    while True:
        frame = link.recv(2048)
        if len(frame) < 42 or frame[20:22] != b"\0\1":
            continue
        asker, asker_ip, wanted = frame[22:28], frame[28:32], frame[38:42]
        # the three claims, and two answers for others
        for claimed in (wanted, wanted, wanted, chance.randbytes(4), wanted[:2] + chance.randbytes(2)):
            liar = mac()
            reply = asker + liar + b"\x08\x06\0\1\x08\0\6\4\0\2" + liar + claimed + asker + asker_ip
            try:
                link.send(reply)
            except OSError:
                pass


def name(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, lies=0):
    return owner + struct.pack(">HHIH", kind, 0x8001, 120, len(data) + lies) + data


def message(records):
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def mdns():
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    out.bind((address, 5353))
    kind = (b"_ipp", b"_tcp", b"local")
    odd = 'quo"te \\ new\nline nul\0 ü {le="1"} 1 # EOF'.encode()
    host = name(b'ho"st', b"local")
    texts = [b"ty=" + odd, b"\0", b"=", b"==", b"md=" + b"\xff" * 200, b"note=" + b"\n# EOF\n" * 20]
    big = b"".join(bytes([250]) + (b"k%04d=" % n).ljust(250, b'"') for n in range(240))
    a = record(host, 1, socket.inet_aton(address))
    service = lambda instance, text: [
        record(name(b"_services", b"_dns-sd", b"_udp", b"local"), 12, name(*kind)),
        record(name(*kind), 12, name(instance, *kind)),
        record(name(instance, *kind), 33, struct.pack(">HHH", 0, 0, 631) + host),
        record(name(instance, *kind), 16, text),
        a,
    ]
    small = b"".join(bytes([len(text)]) + text for text in texts)
    loop = b"\xc0\x0c"
    while True:
        sent = [
            message(service(odd[:60], small)),
            message(service(b"Printer", big)),
            message(service(b"no text \xff\xfe", small)),
            message([record(name(b'no text \xff', b"local"), 1, socket.inet_aton(address))]),
            message([record(name(*kind), 12, loop), record(loop, 12, loop)]),
            message([record(name(*kind), 12, name(b"lies", *kind), 4000)]),
            message(service(b"cut off", small))[:-7],
            struct.pack(">HHHHHH", 0, 0x8400, 65535, 65535, 65535, 65535),
            chance.randbytes(600),
        ]
        # many services, each with a host of its own
        made_up = [record(name(*kind), 12, name(b"x%d" % chance.getrandbits(40), *kind)) for _ in range(200)]
        sent.append(message(made_up))
        for datagram in sent:
            try:
                out.sendto(datagram, ("224.0.0.251", 5353))
            except OSError:
                pass
        time.sleep(0.2)


for work in (arp, mdns):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
