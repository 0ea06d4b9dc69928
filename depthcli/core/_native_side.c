/* One side of a book in doubles: what python_side.py does, for floats, several times as fast.

The levels are sorted by their key so that the best stands last: the key is the price among bids,
and its negative among asks. The exchange changes levels mostly near the touch, so little memory
moves, and a search gallops from that end.

A level that is removed is gone at once, so there are no tombstones, and nothing is left for a read
to catch up with. Beyond the horizon the nearest levels are kept, as python_side.py says.

No Python code can run between two steps that must belong together: whatever might run some (a
number's __float__, an iterator, the collector of garbage) comes before or after them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <string.h>

/* As in side.py and python_side.py: what is always kept beyond the horizon, and when to look there. */
#define FEWEST_BEYOND 1000
#define LOOK_AT(count) ((count) + (count) / 2 + 250)

typedef struct {
    double key;
    double quantity;
} Level;

typedef struct {
    Level *at; /* `count` of them, in memory for `room` */
    Py_ssize_t count;
    Py_ssize_t room;
} Levels;

typedef struct {
    PyObject_HEAD
    Levels levels;
    double sign;         /* a key is sign * price */
    double horizon;      /* a key, if bounded */
    int bounded;         /* whether there is a horizon */
    Py_ssize_t prune_at; /* with more levels than this, those beyond the horizon are counted */
} Side;

/* Return the place of the first key that isn't below the given one: O(log n), from the best. */
static Py_ssize_t
find(const Levels *levels, double key)
{
    const Level *at = levels->at;
    Py_ssize_t high = levels->count, low = high - 1, step = 1;

    while (low >= 0 && at[low].key >= key) {
        high = low;
        low -= step;
        step *= 2;
    }
    low = low < 0 ? 0 : low + 1;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (at[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Have the levels near the touch fetched into the cache at once, not one after the other: with a
thousand books none of them is there when its event comes. */
static void
prefetch(const Levels *levels)
{
#ifdef __GNUC__
    const Py_ssize_t line = 64 / sizeof(Level);

    for (Py_ssize_t back = 1; back <= 16 * line && back <= levels->count; back += line)
        __builtin_prefetch(levels->at + levels->count - back, 1);
#else
    (void)levels;
#endif
}

static int
resize(Levels *levels, Py_ssize_t room)
{
    Level *at = levels->at;

    PyMem_Resize(at, Level, room ? room : 1);
    if (at == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    levels->at = at;
    levels->room = room;
    return 0;
}

static void
move(Levels *levels, Py_ssize_t from, Py_ssize_t to)
{
    memmove(levels->at + to, levels->at + from, (levels->count - from) * sizeof(Level));
    levels->count += to - from;
}

/* Set the quantity at a key; zero removes the level. */
static int
set(Levels *levels, double key, double quantity)
{
    Py_ssize_t place = find(levels, key);
    int known = place < levels->count && levels->at[place].key == key;

    if (quantity == 0) {
        if (known)
            move(levels, place + 1, place);
        return 0;
    }
    if (!known) {
        if (levels->count == levels->room && resize(levels, levels->room + levels->room / 4 + 16))
            return -1;
        move(levels, place, place + 1);
        levels->at[place].key = key;
    }
    levels->at[place].quantity = quantity;
    return 0;
}

/* Read `(price, quantity)`, which may be any two numbers in a row. */
static int
read_slowly(PyObject *item, double *price, double *quantity)
{
    PyObject *pair = PySequence_Tuple(item);

    if (pair == NULL)
        return -1;
    if (PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_ValueError, "a level is (price, quantity)");
        goto failed;
    }
    *price = PyFloat_AsDouble(PyTuple_GET_ITEM(pair, 0));
    if (*price == -1 && PyErr_Occurred())
        goto failed;
    *quantity = PyFloat_AsDouble(PyTuple_GET_ITEM(pair, 1));
    if (*quantity == -1 && PyErr_Occurred())
        goto failed;
    Py_DECREF(pair);
    if (isnan(*price) || isnan(*quantity)) {
        PyErr_SetString(PyExc_ValueError, "a price and a quantity are numbers, not nan");
        return -1;
    }
    return 0;
failed:
    Py_DECREF(pair);
    return -1;
}

/* Read level number `at` of a list or tuple, which what is read may itself make shorter. */
static inline int
read_level(PyObject *fast, Py_ssize_t at, double *price, double *quantity)
{
    PyObject *item = PySequence_Fast_GET_ITEM(fast, at);

    if (PyTuple_CheckExact(item) && PyTuple_GET_SIZE(item) == 2) {
        PyObject *first = PyTuple_GET_ITEM(item, 0), *second = PyTuple_GET_ITEM(item, 1);
        if (PyFloat_CheckExact(first) && PyFloat_CheckExact(second)) {
            *price = PyFloat_AS_DOUBLE(first);
            *quantity = PyFloat_AS_DOUBLE(second);
            if (!isnan(*price) && !isnan(*quantity))
                return 0;
        }
    }
    Py_INCREF(item);
    int failed = read_slowly(item, price, quantity);
    Py_DECREF(item);
    return failed;
}

/* Return the position of the first level within the horizon. */
static Py_ssize_t
edge(const Side *self)
{
    return self->bounded ? find(&self->levels, self->horizon) : 0;
}

static void
prune(Side *self)
{
    Levels *levels = &self->levels;

    if (self->bounded) {
        Py_ssize_t beyond = edge(self), kept = levels->count - beyond;
        if (kept < FEWEST_BEYOND)
            kept = FEWEST_BEYOND;
        if (beyond > kept)
            move(levels, beyond - kept, 0);
    }
    self->prune_at = LOOK_AT(levels->count);
}

static PyObject *
side_update(Side *self, PyObject *given)
{
    PyObject *fast = PySequence_Fast(given, "levels are a list of (price, quantity)");
    double price, quantity;

    if (fast == NULL)
        return NULL;
    prefetch(&self->levels);
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(fast); at++) {
        if (read_level(fast, at, &price, &quantity) ||
            set(&self->levels, self->sign * price, quantity)) {
            Py_DECREF(fast);
            return NULL;
        }
    }
    Py_DECREF(fast);
    if (self->levels.count > self->prune_at)
        prune(self);
    Py_RETURN_NONE;
}

static PyObject *
side_load(Side *self, PyObject *const *args, Py_ssize_t given)
{
    Levels loaded = {NULL, 0, 0};
    double price, quantity, horizon = 0;
    int bounded = given > 1 && args[1] != Py_None;
    PyObject *fast;

    if (given < 1 || given > 2) {
        PyErr_SetString(PyExc_TypeError, "load() takes the levels and a horizon");
        return NULL;
    }
    if (bounded) {
        horizon = self->sign * PyFloat_AsDouble(args[1]);
        if (PyErr_Occurred())
            return NULL;
        if (isnan(horizon)) {
            PyErr_SetString(PyExc_ValueError, "a horizon is a price, not nan");
            return NULL;
        }
    }
    fast = PySequence_Fast(args[0], "levels are a list of (price, quantity)");
    if (fast == NULL)
        return NULL;
    if (resize(&loaded, PySequence_Fast_GET_SIZE(fast)))
        goto failed;

    /* A snapshot comes best first, and is filled in from its end: each level becomes the last. */
    for (Py_ssize_t at = PySequence_Fast_GET_SIZE(fast) - 1; at >= 0; at--) {
        if (at >= PySequence_Fast_GET_SIZE(fast))
            continue;
        if (read_level(fast, at, &price, &quantity))
            goto failed;
        double key = self->sign * price;
        if (quantity == 0 || (loaded.count && loaded.at[loaded.count - 1].key >= key)) {
            /* It comes in another order, or names a price twice, where the later one counts. */
            loaded.count = 0;
            for (at = 0; at < PySequence_Fast_GET_SIZE(fast); at++)
                if (read_level(fast, at, &price, &quantity) ||
                    set(&loaded, self->sign * price, quantity))
                    goto failed;
            break;
        }
        if (set(&loaded, key, quantity))
            goto failed;
    }
    Py_DECREF(fast);
    PyMem_Free(self->levels.at);
    self->levels = loaded;
    self->horizon = horizon;
    self->bounded = bounded;
    self->prune_at = LOOK_AT(loaded.count);
    Py_RETURN_NONE;
failed:
    Py_DECREF(fast);
    PyMem_Free(loaded.at);
    return NULL;
}

/* Return the levels from one place up to another as a list, best first. */
static PyObject *
listed(const Side *self, Py_ssize_t from, Py_ssize_t to)
{
    int collecting = PyGC_Disable(); /* a collection may run code that changes this very side */
    PyObject *list = PyList_New(to - from);

    for (Py_ssize_t place = 0; list != NULL && place < to - from; place++) {
        const Level *level = &self->levels.at[to - 1 - place];
        PyObject *price = PyFloat_FromDouble(self->sign * level->key);
        PyObject *quantity = PyFloat_FromDouble(level->quantity);
        PyObject *pair = price && quantity ? PyTuple_New(2) : NULL;
        if (pair == NULL) {
            Py_XDECREF(price);
            Py_XDECREF(quantity);
            Py_CLEAR(list);
            continue;
        }
        PyTuple_SET_ITEM(pair, 0, price);
        PyTuple_SET_ITEM(pair, 1, quantity);
        PyList_SET_ITEM(list, place, pair);
    }
    if (collecting)
        PyGC_Enable();
    return list;
}

static PyObject *
side_top(Side *self, PyObject *wanted)
{
    Py_ssize_t count = PyNumber_AsSsize_t(wanted, NULL), from;

    if (count == -1 && PyErr_Occurred())
        return NULL;
    count = count < 0 ? 0 : count > self->levels.count ? self->levels.count : count;
    from = self->levels.count - count;
    if (self->bounded && count && self->levels.at[from].key < self->horizon)
        from = edge(self);
    return listed(self, from, self->levels.count);
}

static PyObject *
side_levels(Side *self, PyObject *Py_UNUSED(none))
{
    return listed(self, edge(self), self->levels.count);
}

static PyObject *
side_beyond(Side *self, PyObject *Py_UNUSED(none))
{
    return listed(self, 0, edge(self));
}

static PyObject *
side_exhausted(Side *self, PyObject *Py_UNUSED(none))
{
    const Levels *levels = &self->levels;

    return PyBool_FromLong(
        self->bounded && (!levels->count || levels->at[levels->count - 1].key < self->horizon));
}

static PyObject *
side_sizeof(Side *self, PyObject *Py_UNUSED(none))
{
    return PyLong_FromSsize_t(
        Py_TYPE(self)->tp_basicsize + self->levels.room * (Py_ssize_t)sizeof(Level));
}

static Py_ssize_t
side_length(Side *self)
{
    return self->levels.count - edge(self);
}

static PyObject *
side_horizon(Side *self, void *Py_UNUSED(closure))
{
    if (!self->bounded)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(self->sign * self->horizon);
}

static PyObject *
side_falling(Side *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(self->sign > 0);
}

static PyObject *
side_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"falling", NULL};
    int falling;
    Side *self;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "$p:Side", names, &falling))
        return NULL;
    self = (Side *)PyType_GenericAlloc(type, 0); /* all zero: empty, and whole */
    if (self != NULL) {
        self->sign = falling ? 1 : -1;
        self->prune_at = LOOK_AT(0);
    }
    return (PyObject *)self;
}

static void
side_dealloc(Side *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyMem_Free(self->levels.at);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"load", (PyCFunction)(void (*)(void))side_load, METH_FASTCALL,
     "load($self, levels, horizon=None, /)\n--\n\nReplace all levels."},
    {"update", (PyCFunction)side_update, METH_O,
     "update($self, levels, /)\n--\n\nSet the absolute quantities of the given levels."},
    {"top", (PyCFunction)side_top, METH_O,
     "top($self, count, /)\n--\n\nReturn the best levels within the horizon, best first."},
    {"levels", (PyCFunction)side_levels, METH_NOARGS,
     "levels($self, /)\n--\n\nReturn all levels within the horizon, best first."},
    {"beyond", (PyCFunction)side_beyond, METH_NOARGS,
     "beyond($self, /)\n--\n\nReturn the levels beyond the horizon that are known, best first."},
    {"exhausted", (PyCFunction)side_exhausted, METH_NOARGS,
     "exhausted($self, /)\n--\n\nReturn whether no level is left within the horizon."},
    {"__sizeof__", (PyCFunction)side_sizeof, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"horizon", (getter)side_horizon, NULL, "The deepest price covered by the snapshot.", NULL},
    {"falling", (getter)side_falling, NULL, "Whether the highest price is the best.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Side(*, falling)\n--\n\nOne side of a book, in doubles."},
    {Py_tp_new, side_new},
    {Py_tp_dealloc, side_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_sq_length, side_length},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "depthcli.core._native_side.Side",
    .basicsize = sizeof(Side),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

static int
fill(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    int failed = type == NULL || PyModule_AddType(module, (PyTypeObject *)type);

    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyModuleDef_Slot phases[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "depthcli.core._native_side",
    .m_size = 0,
    .m_slots = phases,
};

PyMODINIT_FUNC
PyInit__native_side(void)
{
    return PyModuleDef_Init(&definition);
}
