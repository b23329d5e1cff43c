/** Where the next byte goes. */
export let out: usize = 0;
/** Bits that are not written yet, the first one lowest (RFC 1951 §3.1.1), and how many. */
export let pending: u64 = 0;
export let count: u64 = 0;

export function writeTo(address: usize): void {
  out = address;
  pending = 0;
  count = 0;
}

/** What a loop did with copies of these. */
export function goOn(address: usize, bits: u64, number: u64): void {
  out = address;
  pending = bits;
  count = number;
}

/** At most 57 bits in all until they are flushed. */
export function put(bits: u64, number: u64): void {
  pending |= bits << count;
  count += number;
}

/** @param code - `code | bits << 24` */
export function putCode(code: u32): void {
  put(code & 0xffffff, code >> 24);
}

/** Writes whole bytes; less than eight bits stay. */
export function flush(): void {
  store<u64>(out, pending);
  out += <usize>(count >> 3);
  pending >>= count & 0x38;
  count &= 7;
}

/** A stored block (RFC 1951 §3.2.4) that is not the last one. An empty one ends on a byte boundary what came before. */
export function putStored(from: usize, size: usize): void {
  put(0, 3);
  flush();
  if (count > 0) out++;
  store<u32>(out, (<u32>size) | (((<u32>size) ^ 0xffff) << 16));
  memory.copy(out + 4, from, size);
  writeTo(out + 4 + size);
}
