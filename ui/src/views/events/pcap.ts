/** One packet, from its IP header on, as a capture file: pcap, link type RAW. */
export function pcapOf(packet: readonly number[], time: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(24 + 16 + packet.length);
  const view = new DataView(file.buffer);
  const word = (at: number, value: number): void => view.setUint32(at, value, true);
  word(0, 0xa1b2c3d4);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  word(16, 65_535);
  word(20, 101);
  word(24, Math.floor(time / 1000));
  word(28, (time % 1000) * 1000);
  word(32, packet.length);
  word(36, Math.max(packet.length, wholeLength(packet)));
  file.set(packet, 40);
  return file;
}

/** What the packet's own header says of its length: the capture may have cut it. */
function wholeLength(packet: readonly number[]): number {
  const at = (i: number): number => packet[i] ?? 0;
  const version = at(0) >> 4;
  return version === 4 ? at(2) * 256 + at(3) : version === 6 ? at(4) * 256 + at(5) + 40 : 0;
}

/** Hands a file to the person, without a server. */
export function save(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/vnd.tcpdump.pcap" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
