/*
 * Sees, without asking for it, that something happened to the topic: librdkafka asks for the topic's metadata when a
 * broker refuses a fetch (leader moved, topic or partition unknown) or goes away, and every few minutes. A fetch that
 * is refused is told of in no other way before it is repeated, and by then the topic may have been made anew. The
 * metadata is asked for sooner than the fetch is repeated (kafka_consumer.c).
 *
 * An interceptor hears of the answer on the thread of a broker, before the answer is looked at, so before anything is
 * fetched by what it says. Rejected: statistics, which tell of each partition's leader in JSON, late and for the price
 * of all partitions each time; librdkafka's debug lines, which are no interface. Topic ids (DescribeTopics, from 2.3)
 * and the epoch of a record's leader (from 2.1) are not in librdkafka 2.0.2.
 */
#include "kafka_internal.h"

#define API_METADATA 3 /* in Kafka's protocol */

// NOLINTBEGIN(readability-non-const-parameter,bugprone-easily-swappable-parameters): the types are librdkafka's
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int sockfd, const char *brokername, int32_t brokerid,
                                       int16_t api_key, int16_t api_version, int32_t correlation, size_t size,
                                       int64_t rtt, rd_kafka_resp_err_t err, void *arg)
{
    atomic_bool *doubt = arg;

    (void)rk, (void)sockfd, (void)brokername, (void)brokerid, (void)api_version, (void)correlation, (void)size;
    (void)rtt, (void)err;
    if (api_key == API_METADATA) {
        atomic_store(doubt, true);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *arg, char *reason, size_t size)
{
    (void)conf, (void)reason, (void)size;
    return rd_kafka_interceptor_add_on_response_received(rk, "isobar", on_response, arg);
}
// NOLINTEND(readability-non-const-parameter,bugprone-easily-swappable-parameters)

void kafka_doubt_watch(struct kafka_conf *conf, atomic_bool *doubt)
{
    if (conf->failed) {
        return;
    }
    if (rd_kafka_conf_interceptor_add_on_new(conf->conf, "isobar", on_new, doubt)) {
        conf->failed = true;
        buf_text(conf->error, "librdkafka takes no interceptor");
    }
}
