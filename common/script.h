/*
 * The Lua scripts that guard the state in Redis (proto/acquire.lua, load.lua, commit.lua, and the operator's
 * reset.lua), embedded at build time.
 */
#ifndef ISOBAR_SCRIPT_H
#define ISOBAR_SCRIPT_H

extern const char script_acquire_lua[];
extern const char script_load_lua[];
extern const char script_commit_lua[];
extern const char script_reset_lua[];

#endif
