"""XMP is read as XML, in linear time, and what is not touched stays byte for byte."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from colorize_cli.metadata import auxiliary, places, provenance, xmp
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.metadata.upright import orientation, upright

HEAD = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
)
TAIL = b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64)


def description(text: bytes, attributes: bytes = b"") -> bytes:
    return (
        HEAD + b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        + attributes
        + b">"
        + text
        + b"</rdf:Description>"
        + TAIL
    )


def all_of_it(packet: bytes) -> None:
    """Everything that is done with a packet on the way from a source to its result."""
    orientation.__wrapped__(packet)
    places.xmp_without(packet)
    merged = provenance.merge(upright(packet, 6, (30, 20)), NOTE)
    provenance.without_padding(merged)
    provenance.parse(merged)
    auxiliary.semantics(packet)
    auxiliary.without_parts(packet)
    provenance.without_note(merged)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "blanks in a text": lambda n: description(b"<tiff:Orientation>" + b" " * n + b"</tiff:Orientation>"),
    "blanks between elements": lambda n: description(b"\n" * n + b"<tiff:Orientation>6</tiff:Orientation>" + b" " * n),
    "blanks in a tag": lambda n: description(b"", b" " * n + b'tiff:Orientation="6"' + b" " * n),
    "blanks before the end": lambda n: HEAD + b" " * n + TAIL,
    "padding": lambda n: description(b"<tiff:Orientation>6</tiff:Orientation>")[: -len(b'<?xpacket end="w"?>')]
    + b" " * n + b'<?xpacket end="w"?>',
    "padding without an end": lambda n: description(b"")[: -len(b'<?xpacket end="w"?>')] + b" " * n,
    "open tags": lambda n: HEAD + b"<rdf:Description " * (n // 16) + TAIL,
    "open places": lambda n: HEAD + b"<photoshop:City>" * (n // 16) + TAIL,
    "places": lambda n: description(b"<photoshop:City>a</photoshop:City>" * (n // 160)),
    "orientations": lambda n: description(b"<tiff:Orientation>6</tiff:Orientation>" * (n // 160)),
    "notes": lambda n: HEAD + b'<rdf:Description xmlns:colorize="urn:colorize-cli:provenance:1:">' * (n // 64) + TAIL,
    "namespaces": lambda n: description(b"<a xmlns:%b='c'/>" * (n // 160)),
    "names": lambda n: HEAD + b"a." * (n // 2) + b":Semantic" + TAIL,
    "directories": lambda n: HEAD + b"<Container:Directory>" * (n // 21) + TAIL,
    "gain maps": lambda n: description(b"", b" hdrgm:Version='1'" + b" hdrgm:a" * (n // 8)),
    "nothing but <": lambda n: HEAD + b"<" * n + TAIL,
    "quotes": lambda n: HEAD + b"<rdf:Description a='" * (n // 20) + TAIL,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_packet_takes_at_most_three_times_as_long(shape: str) -> None:
    def seconds(size: int) -> float:
        packet, best = SHAPES[shape](size), 60.0
        for _ in range(2):
            start = time.process_time()
            all_of_it(packet)
            best = min(best, time.process_time() - start)
        return best

    sizes = (125_000, 250_000, 500_000, 1_000_000)
    times = [seconds(size) for size in sizes]
    assert times[3] < 1.0, f"a megabyte takes {times[3]:.2f} s"
    # over three doublings, so that one slow moment decides nothing
    assert times[3] <= max(27 * times[0], 0.05), times


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "http://localhost:1/a.dtd"><a/>', "document type"),
        (b"<a>" * 100 + b"</a>" * 100, "deeper"),
        (b"<a>" + b" " * (17 << 20) + b"</a>", "bytes"),
        (b"<a>" + b"<b/>" * 400_001 + b"</a>", "too many"),
        (b"<a><b></a>", "mismatched"),
        (b"", "no XML"),
        (b"caption", "no XML"),
    ],
)
def test_what_is_no_plain_xml_is_refused_and_kept(packet: bytes, why: str) -> None:
    with pytest.raises(xmp.XmpError, match=why):
        xmp.parse(packet)
    merged = provenance.merge(packet, NOTE)
    assert merged.startswith(packet)
    assert provenance.parse(merged) == NOTE
    assert provenance.merge(merged, NOTE) == merged
    if b"<" in packet:
        assert provenance.without_note(merged) == packet
    assert upright(packet, 6, (2, 1)) == packet
    assert places.xmp_without(packet) == b""


def test_the_source_s_part_stays_character_by_character() -> None:
    packet = description(
        b"\r\n\t<!-- mine -->\n  <tiff:Artist><rdf:Seq><rdf:li>A &amp; B &#65;</rdf:li></rdf:Seq></tiff:Artist  >\n \n",
        b" \n tiff:Make = 'x > y'\n",
    )
    merged = provenance.merge(packet, NOTE)
    assert provenance.without_note(merged) == packet
    assert len(merged) > len(packet)
    start = merged.index(b'\n  <rdf:Description xmlns:rdf="')
    assert merged[:start] == packet[:start] and merged.endswith(packet[start:])


def test_a_note_that_another_program_wrote_anew_is_replaced() -> None:
    packet = (
        HEAD + b"<rdf:Description rdf:about='' xmlns:c='" + provenance.NAMESPACE.encode() + b"' "
        b"xmlns:dc='http://purl.org/dc/elements/1.1/' dc:source='shoe box' c:Software='colorize-cli' c:Version='0' "
        b"c:Model='old' c:ModelSha256='1'><c:Settings><rdf:Seq><rdf:li>seed=1</rdf:li></rdf:Seq></c:Settings>"
        b"</rdf:Description>" + TAIL
    )
    assert provenance.parse(packet) == Provenance("colorize-cli", "0", "old", "1", (("seed", "1"),))
    merged = provenance.merge(packet, NOTE)
    assert provenance.parse(merged) == NOTE
    assert b"old" not in merged and b"seed=1" not in merged and b"dc:source='shoe box'" in merged


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_packets_are_read(encoding: str) -> None:
    packet = ("\ufeff" + description(b"<tiff:Orientation>8</tiff:Orientation>").decode()).encode(encoding)
    assert orientation(packet) == 8
    assert orientation(upright(packet, 8, (2, 1))) == 1


def test_latin_1_bytes_do_not_hide_the_orientation() -> None:
    packet = description(b"<tiff:Artist>Andr\xe9</tiff:Artist><tiff:Orientation>8</tiff:Orientation>")
    assert orientation(packet) == 8
    assert upright(packet, 8, (2, 1)) == packet.replace(b">8<", b">1<")


def test_a_note_of_any_text_is_well_formed_and_read_back() -> None:
    note = Provenance("colorize-cli", "1", "a & b <c> \x01", "0" * 64, settings=(("hints", "<&>"),))
    packet = provenance.merge(None, note)
    back = provenance.parse(packet)
    assert back is not None and (back.model, back.settings) == ("a & b <c> \\x01", (("hints", "<&>"),))
