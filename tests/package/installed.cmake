# Installs the whole tree and uses it from there: BUILD_DIR, WORK_DIR (where template.cmake worked).
function(run_or_die out)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE stdout ERROR_VARIABLE stderr RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN} ended with ${code}:\n${stdout}${stderr}")
  endif()
  set(${out} "${stdout}" PARENT_SCOPE)
endfunction()
function(expect text part)
  string(FIND "${text}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "'${part}' is missing in:\n${text}")
  endif()
endfunction()

set(prefix ${WORK_DIR}/whole)
file(REMOVE_RECURSE ${prefix})
run_or_die(ignored ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
set(ENV{HEALD_PLUGIN_DIR})
run_or_die(plugins ${prefix}/bin/heald plugins)
foreach(plugin scrape prometheus loki zscore log_patterns threshold trend isolation_forest process docker exec http alert log)
  expect("${plugins}" " ${plugin} ")
endforeach()
if(plugins MATCHES " (misbehaving|pulse) ")
  message(FATAL_ERROR "plugins that are only for tests are installed:\n${plugins}")
endif()

file(WRITE ${WORK_DIR}/foreign.yaml "version: 1
agent: {listen: '127.0.0.1:0', state_dir: state, plugin_dirs: [project/build]}
sources: {page: {plugin: scrape, config: {targets: ['http://127.0.0.1:9/metrics']}}}
detectors: {far: {plugin: example, inputs: [page.latency_p99], config: {factor: 3}}}
policies: {tell: {inputs: [far], action: alert}}
")
run_or_die(checked ${prefix}/bin/heald check ${WORK_DIR}/foreign.yaml)
expect("${checked}" "ok")
run_or_die(doc ${prefix}/bin/heald plugin doc example ${WORK_DIR}/foreign.yaml)
expect("${doc}" "How many times the mean is too much")
# It runs with it, too: SIGTERM after two seconds is a clean end.
run_or_die(ignored timeout --preserve-status --signal=TERM 2 ${prefix}/bin/heald run ${WORK_DIR}/foreign.yaml)
