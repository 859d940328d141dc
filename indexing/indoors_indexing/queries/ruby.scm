; What a Ruby file defines, requires and inherits from.
; The captures and settings are explained in symbols.py.

(class name: (constant) @name body: (_)? @body) @class
(class name: (scope_resolution) @path body: (_)? @body) @class
(module name: (constant) @name body: (_)? @body) @module
(module name: (scope_resolution) @path body: (_)? @body) @module
(class name: (_) @child superclass: (superclass (_) @base))
((class
  name: (_) @child
  body: (body_statement
    (call
      method: (identifier) @called
      arguments: (argument_list [(constant) (scope_resolution)] @base))))
  (#set! is.called "include extend prepend"))

(method name: (_) @name body: (_)? @body) @function
(singleton_method object: (self) name: (_) @name body: (_)? @body) @function

; Below one of these words alone all methods are what it says.
((body_statement (identifier) @section) (#set! is.section "private protected public"))

(assignment left: (constant) @name) @constant
((assignment
  left: (instance_variable) @name
  right: (call receiver: [(constant) (scope_resolution)] @typed method: (identifier) @called)) @field
  (#set! is.called "new")
  (#set! of_type))
((assignment left: (instance_variable) @name) @field (#set! of_type))
((call
  method: (identifier) @called
  arguments: (argument_list (simple_symbol) @name)) @field
  (#set! is.called "attr_reader attr_writer attr_accessor")
  (#set! of_type))

((call
  method: (identifier) @called
  arguments: (argument_list . (string) @module)) @import
  (#set! is.called "require"))
((call
  method: (identifier) @called
  arguments: (argument_list . (string) @module)) @import
  (#set! is.called "require_relative")
  (#set! level "1"))
