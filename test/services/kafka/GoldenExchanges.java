import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

/**
 * Writes test/lib/broker/golden-exchanges.json: requests and the answers expected from the embedded broker, serialised
 * by Apache Kafka's own message classes, so that the broker's codec is held against bytes that nobody here made.
 *
 *   java -cp "$P2PAY_KAFKA_CLASSPATH" test/services/kafka/GoldenExchanges.java > test/lib/broker/golden-exchanges.json
 *
 * The exchanges run in order against one broker: cluster "golden", topic payments.raw with two partitions and the id
 * below, advertised as 127.0.0.1:9092.
 */
public class GoldenExchanges {
  static final Uuid TOPIC_ID = new Uuid(0x0011223344556677L, 0x8899aabbccddeeffL);
  static final String TOPIC = "payments.raw";
  static final int CORRELATION = 7;
  static final List<String> lines = new ArrayList<>();

  public static void main(String[] args) {
    apiVersions();
    metadata();
    topics();
    produceAndFetch();
    producers();
    groups();
    cluster();
    System.out.println("[\n  " + String.join(",\n  ", lines) + "\n]");
  }

  static void apiVersions() {
    // The list itself differs from Kafka's; only the request and what is before the list are compared.
    for (int v : new int[] {0, 2, 3, 4}) {
      exchange("ApiVersions", ApiKeys.API_VERSIONS, v,
          new ApiVersionsRequestData().setClientSoftwareName("golden").setClientSoftwareVersion("1.0"), null);
    }
  }

  static void metadata() {
    for (int v : new int[] {0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12}) {
      var request = new MetadataRequestData().setTopics(List.of(
          new MetadataRequestData.MetadataRequestTopic().setName(TOPIC),
          new MetadataRequestData.MetadataRequestTopic().setName("no topic!")));
      if (v >= 4) request.setAllowAutoTopicCreation(false);
      var topics = new MetadataResponseData.MetadataResponseTopicCollection();
      var partitions = new ArrayList<MetadataResponseData.MetadataResponsePartition>();
      for (int p = 0; p < 2; p++) {
        var partition = new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(p).setLeaderId(1)
            .setReplicaNodes(List.of(1)).setIsrNodes(List.of(1));
        partitions.add(v >= 7 ? partition.setLeaderEpoch(0) : partition);
      }
      topics.add(new MetadataResponseData.MetadataResponseTopic().setName(TOPIC)
          .setTopicId(v >= 10 ? TOPIC_ID : Uuid.ZERO_UUID).setPartitions(partitions));
      topics.add(new MetadataResponseData.MetadataResponseTopic().setName("no topic!").setErrorCode((short) 17));
      var brokers = new MetadataResponseData.MetadataResponseBrokerCollection();
      brokers.add(new MetadataResponseData.MetadataResponseBroker().setNodeId(1).setHost("127.0.0.1").setPort(9092));
      exchange("Metadata", ApiKeys.METADATA, v, request,
          new MetadataResponseData().setBrokers(brokers).setClusterId(v >= 2 ? "golden" : null).setControllerId(1)
              .setTopics(topics));
    }
  }

  static void topics() {
    for (int v : new int[] {2, 4, 5, 7}) {
      var wanted = new CreateTopicsRequestData.CreatableTopicCollection();
      var config = new CreateTopicsRequestData.CreatableTopicConfigCollection();
      config.add(new CreateTopicsRequestData.CreatableTopicConfig().setName("max.message.bytes").setValue("many"));
      wanted.add(new CreateTopicsRequestData.CreatableTopic().setName(TOPIC).setNumPartitions(2)
          .setReplicationFactor((short) 1));
      wanted.add(new CreateTopicsRequestData.CreatableTopic().setName("three").setNumPartitions(2)
          .setReplicationFactor((short) 3));
      wanted.add(new CreateTopicsRequestData.CreatableTopic().setName("odd").setNumPartitions(2)
          .setReplicationFactor((short) 1).setConfigs(config));
      var results = new CreateTopicsResponseData.CreatableTopicResultCollection();
      results.add(new CreateTopicsResponseData.CreatableTopicResult().setName(TOPIC).setErrorCode((short) 36)
          .setErrorMessage("topic \"payments.raw\" already exists"));
      results.add(new CreateTopicsResponseData.CreatableTopicResult().setName("three").setErrorCode((short) 38)
          .setErrorMessage("there is one broker, so replication is 1"));
      results.add(new CreateTopicsResponseData.CreatableTopicResult().setName("odd").setErrorCode((short) 40)
          .setErrorMessage("max.message.bytes: \"many\" is not a whole number from 0 up"));
      exchange("CreateTopics", ApiKeys.CREATE_TOPICS, v,
          new CreateTopicsRequestData().setTopics(wanted).setValidateOnly(true),
          new CreateTopicsResponseData().setTopics(results));
    }
    for (int v : new int[] {1, 4, 5, 6}) {
      var request = new DeleteTopicsRequestData().setTimeoutMs(1000);
      if (v <= 5) request.setTopicNames(List.of("absent"));
      else request.setTopics(List.of(new DeleteTopicsRequestData.DeleteTopicState().setName("absent")));
      var results = new DeleteTopicsResponseData.DeletableTopicResultCollection();
      var result = new DeleteTopicsResponseData.DeletableTopicResult().setName("absent").setErrorCode((short) 3);
      results.add(v >= 5 ? result.setErrorMessage("there is no such topic") : result);
      exchange("DeleteTopics", ApiKeys.DELETE_TOPICS, v, request,
          new DeleteTopicsResponseData().setResponses(results));
    }
    for (int v : new int[] {0, 2, 3}) {
      var wanted = new CreatePartitionsRequestData.CreatePartitionsTopicCollection();
      wanted.add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(TOPIC).setCount(1).setAssignments(null));
      wanted.add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(TOPIC + "2").setCount(3)
          .setAssignments(List.of(new CreatePartitionsRequestData.CreatePartitionsAssignment().setBrokerIds(List.of(1)))));
      exchange("CreatePartitions", ApiKeys.CREATE_PARTITIONS, v,
          new CreatePartitionsRequestData().setTopics(wanted).setTimeoutMs(1000),
          new CreatePartitionsResponseData().setResults(List.of(
              new CreatePartitionsResponseData.CreatePartitionsTopicResult().setName(TOPIC).setErrorCode((short) 37)
                  .setErrorMessage("the topic has 2 partitions and cannot have 1"),
              new CreatePartitionsResponseData.CreatePartitionsTopicResult().setName(TOPIC + "2").setErrorCode((short) 3)
                  .setErrorMessage("there is no such topic"))));
    }
    for (int v : new int[] {1, 3, 4}) {
      var configs = new DescribeConfigsResponseData.DescribeConfigsResourceResult().setName("max.message.bytes")
          .setValue("1048588").setConfigSource((byte) 5);
      exchange("DescribeConfigs", ApiKeys.DESCRIBE_CONFIGS, v,
          new DescribeConfigsRequestData().setResources(List.of(
              new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 2).setResourceName(TOPIC)
                  .setConfigurationKeys(List.of("max.message.bytes")),
              new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 2).setResourceName("absent")
                  .setConfigurationKeys(null))),
          new DescribeConfigsResponseData().setResults(List.of(
              new DescribeConfigsResponseData.DescribeConfigsResult().setErrorMessage(null).setResourceType((byte) 2)
                  .setResourceName(TOPIC)
                  .setConfigs(List.of(v >= 3 ? configs.setDocumentation(null) : configs)),
              new DescribeConfigsResponseData.DescribeConfigsResult().setErrorCode((short) 3)
                  .setErrorMessage("there is no topic \"absent\"").setResourceType((byte) 2).setResourceName("absent"))));
    }
  }

  static MemoryRecords records(long baseOffset, long producerId, int sequence) {
    var simple = new SimpleRecord[] {
        new SimpleRecord(1_700_000_000_000L, "k1".getBytes(), "first".getBytes()),
        new SimpleRecord(1_700_000_000_250L, "k2".getBytes(), "second".getBytes())};
    return MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V2, baseOffset, Compression.NONE,
        TimestampType.CREATE_TIME, producerId, (short) (producerId < 0 ? -1 : 0), sequence, 0, false, simple);
  }

  static void produceAndFetch() {
    long offset = 0;
    for (int v : new int[] {3, 5, 7, 8, 9, 11}) {
      var topicData = new ProduceRequestData.TopicProduceDataCollection();
      topicData.add(new ProduceRequestData.TopicProduceData().setName(TOPIC).setPartitionData(List.of(
          new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records(0, -1, -1)),
          new ProduceRequestData.PartitionProduceData().setIndex(9).setRecords(records(0, -1, -1)))));
      var responses = new ProduceResponseData.TopicProduceResponseCollection();
      responses.add(new ProduceResponseData.TopicProduceResponse().setName(TOPIC).setPartitionResponses(List.of(
          new ProduceResponseData.PartitionProduceResponse().setIndex(0).setBaseOffset(offset)
              .setLogStartOffset(v >= 5 ? 0 : -1),
          new ProduceResponseData.PartitionProduceResponse().setIndex(9).setErrorCode((short) 3).setBaseOffset(-1))));
      exchange("Produce", ApiKeys.PRODUCE, v,
          new ProduceRequestData().setAcks((short) -1).setTimeoutMs(1000).setTopicData(topicData),
          new ProduceResponseData().setResponses(responses));
      offset += 2;
    }
    for (int v : new int[] {4, 5, 7, 9, 11, 12}) {
      var fetched = new FetchResponseData.PartitionData().setPartitionIndex(0).setHighWatermark(offset)
          .setLastStableOffset(offset).setAbortedTransactions(List.of()).setRecords(records(2, -1, -1));
      var outside = new FetchResponseData.PartitionData().setPartitionIndex(1).setErrorCode((short) 1)
          .setHighWatermark(-1).setLastStableOffset(-1).setAbortedTransactions(List.of())
          .setRecords(MemoryRecords.EMPTY);
      if (v >= 5) fetched.setLogStartOffset(0);
      exchange("Fetch", ApiKeys.FETCH, v,
          new FetchRequestData().setReplicaId(-1).setMaxWaitMs(0).setMinBytes(1).setMaxBytes(1_000_000).setTopics(List.of(
              new FetchRequestData.FetchTopic().setTopic(TOPIC).setPartitions(List.of(
                  new FetchRequestData.FetchPartition().setPartition(0).setFetchOffset(3).setPartitionMaxBytes(100),
                  new FetchRequestData.FetchPartition().setPartition(1).setFetchOffset(5).setPartitionMaxBytes(100))))),
          new FetchResponseData().setResponses(List.of(new FetchResponseData.FetchableTopicResponse().setTopic(TOPIC)
              .setPartitions(List.of(fetched, outside)))));
    }
    for (int v : new int[] {1, 2, 4, 6, 7}) {
      var wanted = new ArrayList<ListOffsetsRequestData.ListOffsetsPartition>();
      for (long timestamp : new long[] {-1, -2, 1_700_000_000_100L, 1_800_000_000_000L}) {
        wanted.add(new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(0).setTimestamp(timestamp));
      }
      var found = List.of(
          listed(v, -1, offset), listed(v, -1, 0), listed(v, 1_700_000_000_250L, 1), listed(v, -1, -1));
      exchange("ListOffsets", ApiKeys.LIST_OFFSETS, v,
          new ListOffsetsRequestData().setReplicaId(-1).setTopics(List.of(
              new ListOffsetsRequestData.ListOffsetsTopic().setName(TOPIC).setPartitions(wanted))),
          new ListOffsetsResponseData().setTopics(List.of(
              new ListOffsetsResponseData.ListOffsetsTopicResponse().setName(TOPIC).setPartitions(found))));
    }
    for (int v : new int[] {2, 3, 4}) {
      var wanted = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopicCollection();
      wanted.add(new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(TOPIC).setPartitions(List.of(
          new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(0).setLeaderEpoch(0))));
      var ends = new OffsetForLeaderEpochResponseData.OffsetForLeaderTopicResultCollection();
      ends.add(new OffsetForLeaderEpochResponseData.OffsetForLeaderTopicResult().setTopic(TOPIC).setPartitions(List.of(
          new OffsetForLeaderEpochResponseData.EpochEndOffset().setPartition(0).setLeaderEpoch(0).setEndOffset(offset))));
      exchange("OffsetForLeaderEpoch", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v,
          new OffsetForLeaderEpochRequestData().setReplicaId(v >= 3 ? -1 : -2).setTopics(wanted),
          new OffsetForLeaderEpochResponseData().setTopics(ends));
    }
    for (int v : new int[] {0, 2}) {
      var lowWatermarks = new DeleteRecordsResponseData.DeleteRecordsPartitionResultCollection();
      lowWatermarks.add(new DeleteRecordsResponseData.DeleteRecordsPartitionResult().setPartitionIndex(0).setLowWatermark(2));
      var deleted = new DeleteRecordsResponseData.DeleteRecordsTopicResultCollection();
      deleted.add(new DeleteRecordsResponseData.DeleteRecordsTopicResult().setName(TOPIC).setPartitions(lowWatermarks));
      exchange("DeleteRecords", ApiKeys.DELETE_RECORDS, v,
          new DeleteRecordsRequestData().setTimeoutMs(1000).setTopics(List.of(
              new DeleteRecordsRequestData.DeleteRecordsTopic().setName(TOPIC).setPartitions(List.of(
                  new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(0).setOffset(2))))),
          new DeleteRecordsResponseData().setTopics(deleted));
    }
  }

  static ListOffsetsResponseData.ListOffsetsPartitionResponse listed(int version, long timestamp, long offset) {
    return new ListOffsetsResponseData.ListOffsetsPartitionResponse().setPartitionIndex(0).setTimestamp(timestamp)
        .setOffset(offset).setLeaderEpoch(version >= 4 && offset >= 0 ? 0 : -1);
  }

  static void producers() {
    long next = 1;
    for (int v : new int[] {0, 1, 2, 3, 5}) {
      exchange("InitProducerId", ApiKeys.INIT_PRODUCER_ID, v,
          new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(1000),
          new InitProducerIdResponseData().setProducerId(next++).setProducerEpoch((short) 0));
    }
    exchange("InitProducerId", ApiKeys.INIT_PRODUCER_ID, 4,
        new InitProducerIdRequestData().setTransactionalId(null).setProducerId(3).setProducerEpoch((short) 0),
        new InitProducerIdResponseData().setProducerId(3).setProducerEpoch((short) 1));
    for (int v : new int[] {0, 1, 3, 4}) {
      var request = new FindCoordinatorRequestData();
      var response = new FindCoordinatorResponseData();
      if (v <= 3) {
        request.setKey("g");
        response.setNodeId(1).setHost("127.0.0.1").setPort(9092);
        if (v >= 1) response.setErrorMessage(null);
      } else {
        request.setCoordinatorKeys(List.of("g", "h"));
        response.setCoordinators(List.of(coordinator("g"), coordinator("h")));
      }
      exchange("FindCoordinator", ApiKeys.FIND_COORDINATOR, v, request, response);
    }
  }

  static FindCoordinatorResponseData.Coordinator coordinator(String key) {
    return new FindCoordinatorResponseData.Coordinator().setKey(key).setNodeId(1).setHost("127.0.0.1").setPort(9092)
        .setErrorMessage(null);
  }

  static void groups() {
    for (int v : new int[] {0, 1, 2, 5, 6, 7, 8, 9}) {
      var protocols = new JoinGroupRequestData.JoinGroupRequestProtocolCollection();
      protocols.add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName("range").setMetadata(new byte[] {1, 2}));
      var request = new JoinGroupRequestData().setGroupId("g").setSessionTimeoutMs(10_000).setMemberId("stranger")
          .setProtocolType("consumer").setProtocols(protocols).setReason(v >= 8 ? "golden" : null);
      if (v >= 1) request.setRebalanceTimeoutMs(20_000);
      exchange("JoinGroup", ApiKeys.JOIN_GROUP, v, request,
          new JoinGroupResponseData().setErrorCode((short) 25).setGenerationId(-1).setMemberId("stranger").setLeader("")
              .setProtocolName(v >= 7 ? null : ""));
    }
    for (int v : new int[] {0, 1, 3, 4, 5}) {
      exchange("SyncGroup", ApiKeys.SYNC_GROUP, v,
          new SyncGroupRequestData().setGroupId("g").setGenerationId(1).setMemberId("stranger").setAssignments(List.of(
              new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId("stranger").setAssignment(new byte[] {3}))),
          new SyncGroupResponseData().setErrorCode((short) 25));
    }
    for (int v : new int[] {0, 1, 3, 4}) {
      exchange("Heartbeat", ApiKeys.HEARTBEAT, v,
          new HeartbeatRequestData().setGroupId("g").setGenerationId(1).setMemberId("stranger"),
          new HeartbeatResponseData().setErrorCode((short) 25));
    }
    for (int v : new int[] {0, 1, 3, 4, 5}) {
      var request = new LeaveGroupRequestData().setGroupId("g");
      var response = new LeaveGroupResponseData();
      if (v <= 2) {
        request.setMemberId("stranger");
        response.setErrorCode((short) 25);
      } else {
        request.setMembers(List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId("stranger")
            .setReason(v >= 5 ? "golden" : null)));
        response.setMembers(List.of(new LeaveGroupResponseData.MemberResponse().setMemberId("stranger")
            .setGroupInstanceId(null).setErrorCode((short) 25)));
      }
      exchange("LeaveGroup", ApiKeys.LEAVE_GROUP, v, request, response);
    }
    for (int v : new int[] {2, 3, 5, 6, 7, 8}) {
      exchange("OffsetCommit", ApiKeys.OFFSET_COMMIT, v,
          new OffsetCommitRequestData().setGroupId("g").setTopics(List.of(
              new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(TOPIC).setPartitions(List.of(
                  new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(1)
                      .setCommittedOffset(1_000_000_000_000L + v).setCommittedLeaderEpoch(v >= 6 ? 0 : -1)
                      .setCommittedMetadata("note"),
                  new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(7)
                      .setCommittedOffset(1).setCommittedMetadata(null))))),
          new OffsetCommitResponseData().setTopics(List.of(
              new OffsetCommitResponseData.OffsetCommitResponseTopic().setName(TOPIC).setPartitions(List.of(
                  new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(1),
                  new OffsetCommitResponseData.OffsetCommitResponsePartition().setPartitionIndex(7)
                      .setErrorCode((short) 3))))));
    }
    for (int v : new int[] {1, 2, 3, 5, 6, 7, 8}) {
      var request = new OffsetFetchRequestData();
      var response = new OffsetFetchResponseData();
      if (v <= 7) {
        request.setGroupId("g").setTopics(v == 7 ? null : List.of(
            new OffsetFetchRequestData.OffsetFetchRequestTopic().setName(TOPIC).setPartitionIndexes(List.of(1, 0))));
        var partitions = new ArrayList<OffsetFetchResponseData.OffsetFetchResponsePartition>();
        partitions.add(new OffsetFetchResponseData.OffsetFetchResponsePartition().setPartitionIndex(1)
            .setCommittedOffset(1_000_000_000_008L).setCommittedLeaderEpoch(v >= 5 ? 0 : -1).setMetadata("note"));
        if (v != 7) {
          partitions.add(new OffsetFetchResponseData.OffsetFetchResponsePartition().setPartitionIndex(0)
              .setCommittedOffset(-1).setMetadata(""));
        }
        response.setTopics(List.of(new OffsetFetchResponseData.OffsetFetchResponseTopic().setName(TOPIC)
            .setPartitions(partitions)));
      } else {
        request.setGroups(List.of(
            new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("g").setTopics(null),
            new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("nobody").setTopics(List.of(
                new OffsetFetchRequestData.OffsetFetchRequestTopics().setName(TOPIC).setPartitionIndexes(List.of(0))))));
        response.setGroups(List.of(
            new OffsetFetchResponseData.OffsetFetchResponseGroup().setGroupId("g").setTopics(List.of(
                new OffsetFetchResponseData.OffsetFetchResponseTopics().setName(TOPIC).setPartitions(List.of(
                    new OffsetFetchResponseData.OffsetFetchResponsePartitions().setPartitionIndex(1)
                        .setCommittedOffset(1_000_000_000_008L).setCommittedLeaderEpoch(0).setMetadata("note"))))),
            new OffsetFetchResponseData.OffsetFetchResponseGroup().setGroupId("nobody").setTopics(List.of(
                new OffsetFetchResponseData.OffsetFetchResponseTopics().setName(TOPIC).setPartitions(List.of(
                    new OffsetFetchResponseData.OffsetFetchResponsePartitions().setPartitionIndex(0)
                        .setCommittedOffset(-1).setMetadata("")))))));
      }
      exchange("OffsetFetch", ApiKeys.OFFSET_FETCH, v, request, response);
    }
    for (int v : new int[] {0, 1, 3, 4, 5}) {
      var group = new ListGroupsResponseData.ListedGroup().setGroupId("g").setProtocolType("");
      if (v >= 4) group.setGroupState("Empty");
      if (v >= 5) group.setGroupType("classic");
      exchange("ListGroups", ApiKeys.LIST_GROUPS, v, new ListGroupsRequestData(),
          new ListGroupsResponseData().setGroups(List.of(group)));
    }
    for (int v : new int[] {0, 1, 3, 4, 5}) {
      exchange("DescribeGroups", ApiKeys.DESCRIBE_GROUPS, v, new DescribeGroupsRequestData().setGroups(List.of("g", "nobody")),
          new DescribeGroupsResponseData().setGroups(List.of(
              new DescribeGroupsResponseData.DescribedGroup().setGroupId("g").setGroupState("Empty"),
              new DescribeGroupsResponseData.DescribedGroup().setGroupId("nobody").setGroupState("Dead"))));
    }
    for (int v : new int[] {0, 2}) {
      var results = new DeleteGroupsResponseData.DeletableGroupResultCollection();
      results.add(new DeleteGroupsResponseData.DeletableGroupResult().setGroupId("nobody").setErrorCode((short) 69));
      exchange("DeleteGroups", ApiKeys.DELETE_GROUPS, v,
          new DeleteGroupsRequestData().setGroupsNames(List.of("nobody")),
          new DeleteGroupsResponseData().setResults(results));
    }
  }

  static void cluster() {
    for (int v : new int[] {0, 1}) {
      var brokers = new DescribeClusterResponseData.DescribeClusterBrokerCollection();
      brokers.add(new DescribeClusterResponseData.DescribeClusterBroker().setBrokerId(1).setHost("127.0.0.1").setPort(9092));
      exchange("DescribeCluster", ApiKeys.DESCRIBE_CLUSTER, v, new DescribeClusterRequestData(),
          new DescribeClusterResponseData().setClusterId("golden").setControllerId(1).setBrokers(brokers));
    }
  }

  static void exchange(String name, ApiKeys key, int version, ApiMessage request, ApiMessage response) {
    short v = (short) version;
    var header = new RequestHeaderData().setRequestApiKey(key.id).setRequestApiVersion(v).setCorrelationId(CORRELATION)
        .setClientId("golden");
    String asked = hex(header, key.requestHeaderVersion(v), request, v);
    String answered = response == null ? null
        : hex(new ResponseHeaderData().setCorrelationId(CORRELATION), key.responseHeaderVersion(v), response, v);
    lines.add("{\"name\": \"%s\", \"version\": %d, \"request\": \"%s\", \"response\": %s}".formatted(
        name, version, asked, answered == null ? "null" : "\"" + answered + "\""));
  }

  static String hex(ApiMessage header, short headerVersion, ApiMessage body, short version) {
    var cache = new ObjectSerializationCache();
    int size = header.size(cache, headerVersion) + body.size(cache, version);
    var buffer = ByteBuffer.allocate(size);
    var writable = new ByteBufferAccessor(buffer);
    header.write(writable, cache, headerVersion);
    body.write(writable, cache, version);
    return HexFormat.of().formatHex(buffer.array(), 0, size);
  }
}
