/** Claims in memory keep the promises of those in a database. */
import {MemoryClaims} from '../../../src/lib/api/memory-claims.js'
import type {Claim, ClaimTable} from '../../../src/lib/store/claims.js'
import {claimsContract} from '../../support/claims-contract.js'
import {VirtualClock} from '../../support/virtual-clock.js'

claimsContract('in memory', async () => {
  const clock = new VirtualClock()
  let inner: ClaimTable = new MemoryClaims({clock})
  const table: ClaimTable = {
    claim: (claims, ttlMs) => inner.claim(claims, ttlMs),
    accept: ids => inner.accept(ids),
    release: claims => inner.release(claims),
    takeOver: (claim: Pick<Claim, 'scope' | 'key' | 'owner'>, leaseMs) => inner.takeOver(claim, leaseMs),
    find: id => inner.find(id),
    purge: limit => inner.purge(limit),
    close: () => inner.close(),
  }
  return {
    table,
    nowUs: () => clock.nowUs(),
    pass: ms => clock.advance(ms),
    clear: async () => {
      inner = new MemoryClaims({clock})
    },
  }
})
