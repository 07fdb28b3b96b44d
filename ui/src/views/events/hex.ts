export interface HexLine { offset: string; bytes: string[]; text: string }

/** Sixteen bytes a line, as hex and as text. */
export function hexLines(bytes: readonly number[]): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.slice(at, at + 16);
    lines.push({ offset: at.toString(16).padStart(4, "0"), bytes: part.map((byte) => byte.toString(16).padStart(2, "0")), text: part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("") });
  }
  return lines;
}

export interface Field { name: string; value: string }

/** What the first bytes of a packet say, as far as they are there. */
export function decodePacket(bytes: readonly number[]): Field[] {
  const at = (i: number): number => bytes[i] ?? 0;
  const word = (i: number): number => at(i) * 256 + at(i + 1);
  const version = at(0) >> 4;
  if (bytes.length < 20 || (version !== 4 && version !== 6)) return [];
  const fields: Field[] = [{ name: "IP", value: `version ${version}, ${version === 4 ? word(2) : word(4) + 40} bytes, ${version === 4 ? "TTL" : "hop limit"} ${version === 4 ? at(8) : at(7)}` }];
  const header = version === 4 ? (at(0) & 15) * 4 : 40;
  const protocol = version === 4 ? at(9) : at(6);
  if (protocol === 6 && bytes.length >= header + 14) {
    const names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    const flags = names.filter((_, i) => (at(header + 13) >> i) & 1);
    fields.push({ name: "TCP", value: `${word(header)} → ${word(header + 2)}, ${flags.join(" ") || "no flag"}` });
    const payload = header + (at(header + 12) >> 4) * 4;
    fields.push({ name: "Payload", value: bytes.length > payload ? `${bytes.length - payload} bytes captured` : "none: it was stopped before the first byte" });
  } else if (protocol === 17 && bytes.length >= header + 8) {
    fields.push({ name: "UDP", value: `${word(header)} → ${word(header + 2)}, ${word(header + 4)} bytes` });
    fields.push({ name: "Payload", value: bytes.length > header + 8 ? `${bytes.length - header - 8} bytes captured` : "none" });
  } else if (protocol === 1 && bytes.length >= header + 2) fields.push({ name: "ICMP", value: `type ${at(header)}, code ${at(header + 1)}` });
  return fields;
}
