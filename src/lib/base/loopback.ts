/**
 * Whether a host name or address means this very machine, as far as its spelling says: `localhost`, 127.0.0.0/8, ::1.
 * An own address of the machine on its network is not among them.
 */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}
