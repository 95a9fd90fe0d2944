/* See letter.h. The texts of a letter come from a log that others may write to: they are cut and made printable. */
#include "letter.h"

#include "clock.h"
#include "error.h"
#include "mem.h"
#include "plain.h"
#include "slice.h"
#include "text.h"

#include "deadletter.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct letter_reader {
    Isobar__V1__DeadLetter *message; /* of the letter read last; NULL */
    struct batch *batch;             /* its original, as far as that can be decoded */
};

struct letter_reader *letter_reader_new(void)
{
    struct letter_reader *reader = mem_alloc(sizeof *reader);
    reader->batch = batch_new();
    return reader;
}

static void drop_message(struct letter_reader *reader)
{
    isobar__v1__dead_letter__free_unpacked(reader->message, NULL);
    reader->message = NULL;
}

void letter_reader_free(struct letter_reader *reader)
{
    if (!reader)
        return;
    drop_message(reader);
    batch_free(reader->batch);
    free(reader);
}

/* ---- reading ---- */

/* Index of the letter's row in the decoded original; -1 when it has none such. A late row was encoded anew, alone. */
static int64_t row_of(const struct letter_reader *reader, int64_t row)
{
    int64_t rows = (int64_t)batch_rows(reader->batch);
    return row < 0 ? -1 : rows == 1 ? 0 : row < rows ? row : -1;
}

/* The city that the letter is about, as far as the original tells. */
static int64_t city_of(const struct letter_reader *reader, int64_t row)
{
    struct observation observation;
    size_t rows = batch_rows(reader->batch);
    int64_t index = row < 0 && rows == 1 ? 0 : row_of(reader, row);
    if (index < 0)
        return 0;
    batch_row(reader->batch, (size_t)index, &observation);
    return observation.city_id;
}

static const char *fault_of(const Isobar__V1__DeadLetter *message)
{
    if (!message)
        return "it cannot be decoded";
    if (message->format != 1)
        return "its format is not 1: newer software wrote it";
    if (message->partition < 0 || message->offset < 0 || message->row < -1 || message->row >= BATCH_MAX_ROWS)
        return "it names no place in a log";
    if (message->original_bytes < (int64_t)message->original.len)
        return "its original is longer than it says";
    return NULL;
}

int letter_read(struct letter_reader *reader, const struct kafka_record *record, struct letter *letter,
                const char **reason)
{
    const char *ignored;
    drop_message(reader);
    *letter = (struct letter){.partition = record->partition, .offset = record->offset, .at_ms = record->timestamp_ms};
    if (record->size <= LETTER_MAX_BYTES)
        reader->message = isobar__v1__dead_letter__unpack(NULL, record->size, record->value);
    *reason = record->size > LETTER_MAX_BYTES ? "it is too long" : fault_of(reader->message);
    if (*reason) {
        drop_message(reader);
        return ERR_INVALID;
    }
    const Isobar__V1__DeadLetter *message = reader->message;
    plain_shown(message->reason, letter->reason, sizeof letter->reason);
    plain_shown(message->topic, letter->topic, sizeof letter->topic);
    letter->source_partition = message->partition;
    letter->source_offset = message->offset;
    letter->produced_at_ms = message->timestamp_ms;
    letter->row = message->row;
    letter->bytes = message->original_bytes;
    letter->kept = (int64_t)message->original.len;
    (void)!batch_decode(reader->batch, message->original.data, message->original.len, &ignored);
    letter->city_id = city_of(reader, letter->row);
    return 0;
}

bool letter_matches(const struct letter *letter, const struct letter_filter *filter)
{
    return letter->at_ms >= filter->since_ms && (filter->city_id == 0 || letter->city_id == filter->city_id) &&
           strstr(letter->reason, filter->reason) != NULL;
}

const char *letter_key(const struct letter *letter, char *out)
{
    snprintf(out, LETTER_KEY_BYTES, "%s/%d/%" PRId64 "/%" PRId64, letter->topic, letter->source_partition,
             letter->source_offset, letter->row);
    return out;
}

/* ---- another chance ---- */

const char *letter_fate_text(enum letter_fate fate)
{
    static const char *const texts[LETTER_FATES] = {
        [LETTER_REPLAY] = "to be replayed",
        [LETTER_REPEATED] = "repeat another one",
        [LETTER_OLD] = "are older than the lateness horizon (--all replays them)",
        [LETTER_CUT] = "do not have the whole original",
        [LETTER_FOREIGN] = "are not of this installation's topic and partitions",
        [LETTER_ROW_MISSING] = "name a row that their original does not have",
    };
    return texts[fate];
}

enum letter_fate letter_original(struct letter_reader *reader, const struct letter *letter,
                                 const struct letter_target *target, struct buf *out)
{
    const Isobar__V1__DeadLetter *message = reader->message;
    int64_t index = row_of(reader, letter->row);
    buf_reset(out);
    if (strcmp(letter->topic, target->topic) != 0 || letter->source_partition >= target->partitions)
        return LETTER_FOREIGN;
    if (letter->kept < letter->bytes || letter->kept == 0)
        return LETTER_CUT;
    if (!target->all && strcmp(letter->reason, LETTER_RETIRED) == 0)
        return LETTER_OLD;
    if (letter->row < 0 || (index == 0 && batch_rows(reader->batch) == 1)) {
        buf_append(out, message->original.data, message->original.len);
        return LETTER_REPLAY;
    }
    if (index < 0)
        return LETTER_ROW_MISSING;
    struct slice *slice = slice_new(message->original.data, message->original.len);
    if (!slice)
        return LETTER_ROW_MISSING;
    slice_row(slice, (size_t)index, out);
    slice_free(slice);
    return LETTER_REPLAY;
}

const void *letter_original_key(const struct letter_reader *reader, size_t *size)
{
    *size = reader->message->original_key.len;
    return *size ? reader->message->original_key.data : NULL;
}

/* ---- printing ---- */

void letter_print_head(struct buf *out)
{
    buf_printf(out, "%-24s  %-36s %-34s %12s %9s\n", "at", "reason", "topic/partition/offset/row", "city", "bytes");
}

void letter_print(const struct letter *letter, struct buf *out)
{
    char at[CLOCK_TEXT_BYTES], key[LETTER_KEY_BYTES], city[24] = "-";
    if (letter->city_id)
        snprintf(city, sizeof city, "%" PRId64, letter->city_id);
    buf_printf(out, "%-24s  %-36s %-34s %12s %9" PRId64 "\n", clock_text(letter->at_ms, at, sizeof at), letter->reason,
               letter_key(letter, key), city, letter->bytes);
}

void letter_json(const struct letter *letter, struct buf *out)
{
    buf_printf(out, "{\"partition\":%d,\"offset\":%" PRId64 ",\"at\":%" PRId64 ",\"reason\":", letter->partition,
               letter->offset, letter->at_ms);
    text_json(out, letter->reason);
    buf_text(out, ",\"source\":{\"topic\":");
    text_json(out, letter->topic);
    buf_printf(out, ",\"partition\":%d,\"offset\":%" PRId64 ",\"row\":%" PRId64 ",\"produced_at\":%" PRId64 "}",
               letter->source_partition, letter->source_offset, letter->row, letter->produced_at_ms);
    if (letter->city_id)
        buf_printf(out, ",\"city\":%" PRId64, letter->city_id);
    buf_printf(out, ",\"bytes\":%" PRId64 ",\"kept\":%" PRId64 "}", letter->bytes, letter->kept);
}
