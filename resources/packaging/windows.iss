; Inno Setup: for one user, without an administrator. Called with /DVersion=1.2.3.
[Setup]
AppId={{5C0B7D26-4E0A-4C58-9F0F-6D3C2A5E7B11}
AppName=LMPT Desktop
AppVersion={#Version}
AppPublisher=The LMPT Desktop developers
DefaultDirName={autopf}\LMPT Desktop
DefaultGroupName=LMPT Desktop
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
Compression=lzma2/max
SolidCompression=yes
SourceDir=..\..
OutputDir=dist
OutputBaseFilename=LMPT_Desktop-{#Version}-x64-setup
LicenseFile=LICENSE
UninstallDisplayIcon={app}\lmpt-desktop.exe
WizardStyle=modern

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[Files]
Source: "build\package\folder\lmpt-desktop\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

; Of an older version, which may have had other files.
[InstallDelete]
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{group}\LMPT Desktop"; Filename: "{app}\lmpt-desktop.exe"

[Run]
Filename: "{app}\lmpt-desktop.exe"; Description: "{cm:LaunchProgram,LMPT Desktop}"; Flags: nowait postinstall skipifsilent
