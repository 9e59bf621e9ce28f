# heald_add_plugin(KIND NAME source... [LIBS lib...] [NO_INSTALL])
#
# Builds heald_<kind>_<name>.so, a plugin that the agent loads, and heald_<kind>_<name>_objects, the
# same code for tests to link. KIND is source, detector, action or notifier. Only the plugin's entry
# symbol is visible, so that two plugins never meet. It is installed where the agent looks, unless it
# is for tests only: NO_INSTALL.
set(HEALD_SDK_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(heald_add_plugin kind name)
  if(NOT kind MATCHES "^(source|detector|action|notifier)$")
    message(FATAL_ERROR "heald_add_plugin: '${kind}' is not source, detector, action or notifier")
  endif()
  cmake_parse_arguments(P "NO_INSTALL" "" "LIBS" ${ARGN})
  set(target heald_${kind}_${name})
  add_library(${target}_objects OBJECT ${P_UNPARSED_ARGUMENTS})
  target_link_libraries(${target}_objects PUBLIC heald::sdk ${P_LIBS})
  target_compile_features(${target}_objects PUBLIC cxx_std_20)
  target_compile_options(${target}_objects PRIVATE -fno-gnu-unique)
  if(kind STREQUAL "detector")  # arithmetic on every sample: g++ 12 makes vectors of it from -O3 on
    target_compile_options(${target}_objects PRIVATE
      $<$<CONFIG:Release>:-O3> $<$<CONFIG:Release>:-fno-math-errno>)
  endif()
  set_target_properties(${target}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  add_library(${target} MODULE $<TARGET_OBJECTS:${target}_objects>)
  target_link_libraries(${target} PRIVATE heald::sdk ${P_LIBS})
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${HEALD_SDK_CMAKE_DIR}/heald_plugin.map -Wl,--exclude-libs,ALL)
  set_target_properties(${target} PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
    LINK_DEPENDS ${HEALD_SDK_CMAKE_DIR}/heald_plugin.map)
  if(HEALD_PLUGIN_DIR)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${HEALD_PLUGIN_DIR})
  endif()
  if(NOT P_NO_INSTALL)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/heald/plugins)
  endif()
  set_property(GLOBAL APPEND PROPERTY HEALD_PLUGINS ${target})
endfunction()
