/* safetensors: headers that must be read and headers that must be refused. */
#include "common/vgg16/safetensors.h"
#include "tests/unit/fixture.h"

#include <string.h>

/* A file with this header (after its length, or another one) and this many bytes of data, floats 0, 1, 2, … */
static char *write_file(const char *header, gint64 length, gsize data)
{
    char *path = in_folder("file.safetensors");
    guint64 n = length < 0 ? strlen(header) : (guint64)length;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)&n, sizeof n);
    g_byte_array_append(bytes, (const guint8 *)header, (guint)strlen(header));
    for (gsize i = 0; i < data; i += sizeof(float)) {
        float value = (float)(i / sizeof(float));
        g_byte_array_append(bytes, (const guint8 *)&value, (guint)MIN(sizeof value, data - i));
    }
    overwrite(path, bytes->data, bytes->len);
    return path;
}

static void test_tensors_are_read(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        write_file("{\"__metadata__\": {\"format\": \"pt\"}, "
                   "\"b\": {\"dtype\": \"F32\", \"shape\": [2, 3], \"data_offsets\": [8, 32]}, "
                   "\"none\": {\"dtype\": \"F32\", \"shape\": [0, 3], \"data_offsets\": [8, 8]}, "
                   "\"scalar\": {\"dtype\": \"I64\", \"shape\": [], \"data_offsets\": [32, 40]}, "
                   "\"a\": {\"dtype\": \"BF16\", \"shape\": [4], \"data_offsets\": [0, 8]}}   ",
                   -1, 40);
    g_autoptr(Safetensors) file = safetensors_open(path, &error);
    g_assert_no_error(error);
    const char *const *names = safetensors_names(file);
    g_assert_cmpuint(g_strv_length((char **)names), ==, 4);
    g_assert_cmpstr(names[0], ==, "a");
    g_assert_cmpstr(names[3], ==, "scalar");
    g_assert_true(g_strv_contains(names, "b"));
    g_assert_false(g_strv_contains(names, "__metadata__"));
    float values[6] = {0};
    const SafetensorsTensor *b = safetensors_find(file, "b", 2, (gsize[]){2, 3}, &error);
    safetensors_read(file, b, 0, 6, values, &error);
    g_assert_no_error(error);
    for (int i = 0; i < 6; i++)
        g_assert_cmpfloat(values[i], ==, (float)(i + 2));
    safetensors_read(file, b, 4, 2, values, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(values[0], ==, 6);
    g_assert_cmpfloat(values[1], ==, 7);
}

static void test_other_types_and_shapes_are_named(void)
{
    static const struct {
        const char *name;
        int rank;
        gsize shape[2];
        const char *sentence;
    } cases[] = {
        {"short", 1, {2}, "short is I16 (2); expected F32 (2)"},
        {"a", 1, {3}, "a is F32 (2); expected F32 (3)"},
        {"a", 2, {1, 2}, "a is F32 (2); expected F32 (1, 2)"},
        {"z", 1, {2}, "has no tensor z"},
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        write_file("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
                   "\"short\": {\"dtype\": \"I16\", \"shape\": [2], \"data_offsets\": [8, 12]}}",
                   -1, 12);
    g_autoptr(Safetensors) file = safetensors_open(path, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) wrong = NULL;
        g_assert_null(safetensors_find(file, cases[i].name, cases[i].rank, cases[i].shape, &wrong));
        g_assert_true(g_str_has_prefix(wrong->message, path));
        g_assert_nonnull(strstr(wrong->message, cases[i].sentence));
    }
}

#define TENSOR(dtype, shape, offsets)                                                                        \
    "{\"a\": {\"dtype\": \"" dtype "\", \"shape\": " shape ", \"data_offsets\": " offsets "}}"

static void test_impossible_headers_are_refused(void)
{
    static const struct {
        const char *header;
        gint64 length; /* -1: the true one */
        gsize data;
        const char *sentence;
    } cases[] = {
        {"", -1, 0, "too short"},
        {"{}", 100000001, 0, "said to have 100000001 bytes"},
        {"{}", G_MAXINT64, 0, "said to have"},
        {"{}", 3, 0, "said to have 3 bytes"},
        {"{}", 1, 0, "said to have 1 bytes"},
        {" {}", -1, 0, "does not begin with {"},
        {"[]", -1, 0, "does not begin with {"},
        {"{\"a\": ", -1, 0, "not JSON"},
        {"{\"a\": {}}", -1, 0, "tensor a lacks a valid dtype"},
        {"{\"a\": 3}", -1, 0, "tensor a lacks a valid dtype"},
        {"{\"a\": 1, \"a\": 2}", -1, 0, "duplicate"},
        {TENSOR("F31", "[1]", "[0, 4]"), -1, 4, "an unknown type"},
        {TENSOR("F32", "[1]", "[0]"), -1, 4, "lacks a valid dtype"},
        {TENSOR("F32", "[1]", "[0, 4, 8]"), -1, 4, "lacks a valid dtype"},
        {TENSOR("F32", "[1]", "[0, -4]"), -1, 4, "lacks a valid dtype"},
        {TENSOR("F32", "[1]", "[0, 4.0]"), -1, 4, "lacks a valid dtype"},
        {TENSOR("F32", "[1]", "[0, 8]"), -1, 8, "offsets that do not fit"},
        {TENSOR("F32", "[1]", "[4, 0]"), -1, 4, "offsets that do not fit"},
        {TENSOR("F32", "[-1]", "[0, 4]"), -1, 4, "an invalid shape"},
        {TENSOR("F32", "[1.5]", "[0, 4]"), -1, 4, "an invalid shape"},
        {TENSOR("F32", "[4611686018427387904, 4]", "[0, 0]"), -1, 0, "an invalid shape"},
        {TENSOR("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0, 4]"), -1, 4, "too many dimensions"},
        {TENSOR("F32", "[1]", "[4, 8]"), -1, 8, "begins at 4"},
        {TENSOR("F32", "[1]", "[0, 4]"), -1, 3, "truncated"},
        {TENSOR("F32", "[1]", "[0, 4]"), -1, 5, "but its header says"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
         "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}}",
         -1, 12, "tensor b begins at 4, not where the one before it ends (8)"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = write_file(cases[i].header, cases[i].length, cases[i].data);
        g_assert_null(safetensors_open(path, &error));
        if (!g_str_has_prefix(error->message, path) || !strstr(error->message, cases[i].sentence))
            g_error("case %u: \"%s\" does not hold \"%s\"", i, error->message, cases[i].sentence);
    }
}

static void test_every_truncation_is_refused(void)
{
    g_autofree char *path = write_file(TENSOR("F32", "[2, 2]", "[0, 16]"), -1, 16), *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    for (gsize cut = 0; cut < size; cut++) {
        overwrite(path, bytes, cut);
        g_assert_null(safetensors_open(path, NULL));
    }
    g_assert_null(safetensors_open(folder, NULL));
    g_assert_null(safetensors_open("tests/nothing", NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/safetensors/reads tensors", test_tensors_are_read);
    g_test_add_func("/safetensors/names other types and shapes", test_other_types_and_shapes_are_named);
    g_test_add_func("/safetensors/refuses impossible headers", test_impossible_headers_are_refused);
    g_test_add_func("/safetensors/refuses every truncation", test_every_truncation_is_refused);
    int status = g_test_run();
    scratch_remove();
    return status;
}
