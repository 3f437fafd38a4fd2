/** The one table of what the broker speaks: key and versions are in each file. A new request is a file and a line. */
import type {Api} from './api.js'
import {produce} from './apis/00_produce.js'
import {fetch} from './apis/01_fetch.js'
import {listOffsets} from './apis/02_list_offsets.js'
import {metadata} from './apis/03_metadata.js'
import {offsetCommit} from './apis/08_offset_commit.js'
import {offsetFetch} from './apis/09_offset_fetch.js'
import {findCoordinator} from './apis/10_find_coordinator.js'
import {joinGroup} from './apis/11_join_group.js'
import {heartbeat} from './apis/12_heartbeat.js'
import {leaveGroup} from './apis/13_leave_group.js'
import {syncGroup} from './apis/14_sync_group.js'
import {describeGroups} from './apis/15_describe_groups.js'
import {listGroups} from './apis/16_list_groups.js'
import {apiVersions} from './apis/18_api_versions.js'
import {createTopics} from './apis/19_create_topics.js'
import {deleteTopics} from './apis/20_delete_topics.js'
import {deleteRecords} from './apis/21_delete_records.js'
import {initProducerId} from './apis/22_init_producer_id.js'
import {offsetForLeaderEpoch} from './apis/23_offset_for_leader_epoch.js'
import {describeConfigs} from './apis/32_describe_configs.js'
import {createPartitions} from './apis/37_create_partitions.js'
import {deleteGroups} from './apis/42_delete_groups.js'
import {describeCluster} from './apis/60_describe_cluster.js'

export const APIS: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions(() => APIS),
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  createPartitions,
  deleteGroups,
  describeCluster,
]

export const APIS_BY_KEY: ReadonlyMap<number, Api> = new Map(APIS.map(api => [api.key, api]))
