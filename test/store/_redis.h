/* Redis servers beside a fake one. */
#ifndef SL_TEST_STORE_REDIS_H
#define SL_TEST_STORE_REDIS_H

#include "store/_fake.h"
#include "store/_server.h"

#endif
