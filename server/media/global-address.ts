import { BlockList, isIP } from 'node:net';

/**
 * IPv4 that is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and the former class E
 * with the broadcast address. A `BlockList` compares numbers, not text, and judges `::ffff:7f00:1` by the IPv4 address inside.
 */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** The only IPv6 that IANA has given out for the internet, and IPv4 in IPv6 clothes, whose inside `specialIpv4` judges. */
const unicastIpv6 = ['2000::/3', '::ffff:0:0/96'];

/**
 * What inside `2000::/3` is not the public internet (https://www.iana.org/assignments/iana-ipv6-special-registry): protocol assignments
 * with Teredo, documentation, and 6to4, which would carry any IPv4 address past the list above. All else of that registry (`::1`,
 * NAT64, `fc00::/7`, `fe80::/10` …) lies outside `2000::/3`.
 */
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const unicast = listOf(unicastIpv6, 'ipv6');
const special = listOf(specialIpv6, 'ipv6', listOf(specialIpv4, 'ipv4'));

/** Whether an IP address belongs to the public internet. False also for what is no IP address, and for one with a zone (`fe80::1%eth0`). */
export function isGlobalAddress(address: string): boolean {
  if (address.includes('%')) return false;
  if (isIP(address) === 4) return !special.check(address, 'ipv4');
  return isIP(address) === 6 && unicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

function listOf(ranges: string[], family: 'ipv4' | 'ipv6', list = new BlockList()): BlockList {
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
