# Installs the SDK into an empty prefix, copies the template from there and builds, tests and inspects
# it as an author would. The plugin is left in ${WORK_DIR}/project/build.
cmake_minimum_required(VERSION 3.23)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}\n${output}")
  endif()
endfunction()

set(prefix ${WORK_DIR}/prefix)
set(project ${WORK_DIR}/project)
file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix} --component sdk)
file(COPY ${prefix}/share/heald/template/ DESTINATION ${project})
run(${CMAKE_COMMAND} -S ${project} -B ${project}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${prefix}
  -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
  -DCMAKE_CXX_FLAGS=-Wall\ -Wextra\ -Wpedantic\ -Werror)
file(STRINGS ${project}/build/CMakeCache.txt found REGEX "^heald_sdk_DIR:PATH=${prefix}/")
if(NOT found)
  message(FATAL_ERROR "find_package(heald_sdk) didn't find the one in ${prefix}")
endif()
run(${CMAKE_COMMAND} --build ${project}/build)
run(${CMAKE_CTEST_COMMAND} --test-dir ${project}/build --output-on-failure --no-tests=error)
if(NOT EXISTS ${project}/build/heald_detector_example.so)
  message(FATAL_ERROR "the build left no heald_detector_example.so in ${project}/build")
endif()
file(STRINGS ${project}/example.h lines)
list(LENGTH lines count)
if(NOT count LESS 60)
  message(FATAL_ERROR "the template's detector has ${count} lines: it is to stay under 60")
endif()
