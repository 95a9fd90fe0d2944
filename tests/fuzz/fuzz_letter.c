/* A record of the dead-letter topic as an operator's tool reads it: shown, and replayed. */
#include "../../ctl/letter.h"
#include "fuzz.h"

static void check_shown(const struct letter *letter)
{
    struct buf out = BUF_EMPTY;
    char key[LETTER_KEY_BYTES];
    fuzz_check_text(letter_key(letter, key), LETTER_KEY_BYTES);
    letter_print(letter, &out);
    fuzz_check_text(out.data, 1024);
    buf_reset(&out);
    letter_json(letter, &out);
    fuzz_check_json(&out);
    buf_release(&out);
}

/* What goes back to the topic of observations is what came from there, or a batch of one row. */
static void check_original(struct letter_reader *reader, const struct letter *letter)
{
    const char *reason;
    size_t size = 0;
    struct letter_target target = {.topic = "weather.observations", .partitions = 4};
    struct buf out = BUF_EMPTY;
    enum letter_fate fate = letter_original(reader, letter, &target, &out);
    FUZZ_CHECK(fate != LETTER_REPEATED && fate < LETTER_FATES);
    FUZZ_CHECK((fate == LETTER_REPLAY) == (out.size > 0));
    FUZZ_CHECK((letter_original_key(reader, &size) == NULL) == (size == 0));
    if (fate == LETTER_REPLAY && letter->row > 0) {
        struct batch *batch = batch_new();
        FUZZ_CHECK(batch_decode(batch, out.data, out.size, &reason) == 0 && batch_rows(batch) == 1);
        batch_free(batch);
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct letter_reader *reader = letter_reader_new();
    struct letter letter;
    const char *reason = NULL;
    struct kafka_record record = {.topic = "weather.deadletter", .value = data, .size = size, .timestamp_ms = 1000};
    if (letter_read(reader, &record, &letter, &reason) == 0) {
        FUZZ_CHECK(letter.row >= -1 && letter.kept <= letter.bytes && letter.source_partition >= 0);
        check_shown(&letter);
        check_original(reader, &letter);
    } else {
        fuzz_check_text(reason, 80);
    }
    letter_reader_free(reader);
    return 0;
}
