import {useEmbeddedDatabase} from '../../support/embedded-database.js'
import {storeContract} from '../../support/store-contract.js'

const database = useEmbeddedDatabase()
storeContract('the embedded database', async () => database.url())
