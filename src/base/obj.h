/* base/obj.h -- checks that stay on, and magics that name an object's type.
 *
 * SL_CHECK aborts with file, line and text: a bug may fire one, input never
 * may. A struct begins with `uint32_t magic`; public functions open with
 * SL_OBJ_CHECK; the reaper sets SL_OBJ_DEAD before the memory goes.
 */
#ifndef SL_BASE_OBJ_H
#define SL_BASE_OBJ_H

#include <stddef.h>
#include <stdint.h>

#define SL_OBJ_DEAD 0xdeadbeefu

_Noreturn void sl_obj_fail(const char *file, int line, const char *what);

#define SL_CHECK(cond) ((cond) ? (void)0 : sl_obj_fail(__FILE__, __LINE__, #cond))
#define SL_OBJ_CHECK(o, m) SL_CHECK((o) != NULL && (o)->magic == (m))

/* From a member back to the struct that holds it. */
#define SL_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
