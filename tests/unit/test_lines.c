/* Lines out of pieces of every size, and what becomes of them by format, header and end. */
#include "../../ctl/lines.h"

#include "../../ctl/intake.h"
#include "error.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST 8

/* "number kind text|" of all lines, when the text comes in pieces of `step` bytes. */
static void show_lines(const char *text, size_t step, struct buf *shown)
{
    static const char kinds[] = "-WPT";
    struct lines lines;
    struct line line;
    size_t size = strlen(text), raw = 0;
    enum lines_kind kind;
    lines_init(&lines, LONGEST);
    buf_reset(shown);
    for (size_t at = 0; at <= size; at += step) {
        bool end = at + step > size;
        lines_put(&lines, text + at, end ? size - at : step);
        while ((kind = lines_next(&lines, end, &line)) != LINES_NONE) {
            raw += line.raw_size;
            if (kind != LINES_PIECE)
                buf_printf(shown, "%d %c %.*s|", (int)line.number, kinds[kind],
                           kind == LINES_WHOLE ? (int)line.size : 0, line.text);
        }
    }
    assert_int_equal(raw, size); /* no byte is lost */
    lines_release(&lines);
}

static void lines_are_the_same_in_any_pieces(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"a", "1 W a|"},
        {"a\n", "1 W a|"},
        {"a\nb", "1 W a|2 W b|"},
        {"\n\na\n", "1 W |2 W |3 W a|"},
        {"a\r\nb\r\r\n\r\n", "1 W a|2 W b\r|3 W |"},
        {"12345678\n12345678", "1 W 12345678|2 W 12345678|"},
        {"123456789\nb\n", "1 T |2 W b|"},
        {"123456789", "1 T |"},
        {"1234567890123456789012345678901234567890\nb", "1 T |2 W b|"},
        {"a\n1234567890123456789\n\nb", "1 W a|2 T |3 W |4 W b|"},
    };
    struct buf shown = BUF_EMPTY;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 1; step < 50; step++) {
            show_lines(rows[i][0], step, &shown);
            if (strcmp(shown.data, rows[i][1]) != 0)
                fail_msg("%s by %zu: %s", rows[i][0], step, shown.data);
        }
    }
    buf_release(&shown);
}

/* A letter per line: - nothing, R a row, b refused, X the header is. */
static void show_intake(const char *text, enum intake_format format, const char *header, struct buf *shown)
{
    static const char letters[] = "-RbX";
    static struct intake intake;
    static struct custom_set customs;
    struct sheet_terms terms = {.customs = &customs};
    struct lines lines;
    struct line line;
    struct sheet_row row;
    struct buf error = BUF_EMPTY;
    lines_init(&lines, 1000);
    lines_put(&lines, text, strlen(text));
    intake_init(&intake, &terms, format);
    buf_reset(shown);
    if (header && intake_header(&intake, header, &error) != 0)
        buf_byte(shown, 'H');
    while (lines_next(&lines, true, &line) == LINES_WHOLE) {
        enum intake_result result = intake_line(&intake, &line, 0, INT64_MAX, &row, &error);
        buf_byte(shown, letters[result]);
        if (result == INTAKE_BROKEN)
            break;
        if (result == INTAKE_ROW)
            assert_int_equal(row.row.value[ISOBAR__V1__VALUE__HUMIDITY], 5000);
    }
    if (intake.header.size > 0)
        assert_int_equal(memcmp(text + strspn(text, " \n"), intake.header.data, intake.header.size), 0);
    buf_release(&error);
    intake_release(&intake);
    lines_release(&lines);
}

static void formats_are_told_by_the_first_line(void **state)
{
    static const struct {
        const char *text;
        enum intake_format format;
        const char *header, *shown;
    } rows[] = {
        {"city,time,humidity\n1,9,50\n\n1,x,50\n1,9,50\n", INTAKE_UNKNOWN, NULL, "-R-bR"},
        {"\n \ncity;time;humidity\r\n1;9;50\r\n", INTAKE_UNKNOWN, NULL, "---R"},
        {"city\ttime\thumidity\n1\t9\t50\n1,9,50\n", INTAKE_UNKNOWN, NULL, "-Rb"},
        {"\xef\xbb\xbf"
         "city,time,humidity\n1,9,50",
         INTAKE_UNKNOWN, NULL, "-R"},
        {"\xef\xbb\xbf{\"city\":1,\"time\":9,\"humidity\":50}", INTAKE_UNKNOWN, NULL, "R"},
        {"\n {\"city\":1,\"time\":9,\"humidity\":50}\n\n[]\n{\"city\":1,\"time\":9,\"humidity\":50}\n", INTAKE_UNKNOWN,
         NULL, "-R-bR"},
        {"{\"city\":1,\"time\":9,\"humidity\":50}\n", INTAKE_NDJSON, NULL, "R"},
        {"city,time,humidity\n1,9,50\n", INTAKE_NDJSON, NULL, "bb"},
        {"{\"city\":1,\"time\":9,\"humidity\":50}\n", INTAKE_CSV, NULL, "X"},
        {"city,time\n1,9\n", INTAKE_UNKNOWN, NULL, "X"},
        {"city,time,\"humidity\n1,9\n", INTAKE_UNKNOWN, NULL, "X"},
        {"1,9,50\n1,9,50\n", INTAKE_UNKNOWN, "city,time,humidity", "RR"},
        {"9,1,50\n", INTAKE_UNKNOWN, "time,city,humidity", "R"},
        {"", INTAKE_UNKNOWN, "city,time,heat", "H"},
        {"1,9,50\n\"1,9,50\n1,9,50\n", INTAKE_UNKNOWN, "city,time,humidity", "RbR"},
        {"", INTAKE_UNKNOWN, NULL, ""},
    };
    struct buf shown = BUF_EMPTY;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        show_intake(rows[i].text, rows[i].format, rows[i].header, &shown);
        if (strcmp(shown.data, rows[i].shown) != 0)
            fail_msg("%s: %s, not %s", rows[i].text, shown.data, rows[i].shown);
    }
    buf_release(&shown);
}

/* What is quoted of a line cannot move the cursor, or cut a letter in two. */
static void errors_are_fit_for_a_terminal(void **state)
{
    static struct intake intake;
    static struct custom_set customs;
    static const char *const texts[] = {
        "{\"time\":\"\\u001b[2J\\u009b\"}", "{\"\\u0007bell\":1}",
        ("{\"time\":\"a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
         "\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}")};
    struct sheet_terms terms = {.customs = &customs};
    struct buf error = BUF_EMPTY;
    struct sheet_row row;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct line line = {.text = texts[i], .size = strlen(texts[i]), .raw_size = strlen(texts[i]), .number = 1};
        intake_init(&intake, &terms, INTAKE_NDJSON);
        buf_reset(&error);
        assert_int_equal(intake_line(&intake, &line, 0, INT64_MAX, &row, &error), INTAKE_BAD);
        assert_true(error.size > 0 && error.size == strlen(error.data) && text_is_utf8(error.data));
        for (size_t k = 0; k < error.size; k++)
            assert_true((unsigned char)error.data[k] >= ' ');
        intake_release(&intake);
    }
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_in_any_pieces),
        cmocka_unit_test(formats_are_told_by_the_first_line),
        cmocka_unit_test(errors_are_fit_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
